/**
 * Messages as lines of JSON: for what comes from another process that we do not trust, or that may be another version.
 * Unlike a structured clone, reading JSON makes nothing but plain data.
 */

const lineFeed = 0x0a

/** One message as a line. What JSON has no word for, `Infinity` and `NaN`, becomes a string. */
export function encodeLine(message: unknown): string {
  const text = JSON.stringify(message, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  )
  return `${text}\n`
}

/** Cuts a stream of bytes back into messages. */
export class LineReader {
  readonly #limit: number
  #chunks: Buffer[] = []
  #size = 0

  /** @param limit longest line that is accepted, in bytes */
  constructor(limit: number) {
    this.#limit = limit
  }

  /**
   * Takes the next bytes and returns the messages they complete.
   *
   * @throws {Error} when a line is too long or is not JSON; the stream is then lost
   */
  push(chunk: Buffer): unknown[] {
    const messages: unknown[] = []
    let from = 0
    for (let to = chunk.indexOf(lineFeed); to >= 0; to = chunk.indexOf(lineFeed, from)) {
      this.#keep(chunk.subarray(from, to))
      messages.push(JSON.parse(Buffer.concat(this.#chunks).toString()))
      this.#chunks = []
      this.#size = 0
      from = to + 1
    }
    this.#keep(chunk.subarray(from))
    return messages
  }

  #keep(part: Buffer): void {
    this.#size += part.length
    if (this.#size > this.#limit) {
      throw new Error(`a line of more than ${this.#limit} bytes arrived`)
    }
    if (part.length > 0) this.#chunks.push(part)
  }
}

/** Whether a message is an object, whose fields are then still to be checked. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
