/** Makes lines of bytes as they come. Decodes whole lines, so that no character is cut in two. */
export class LineSplitter {
  readonly #parts: Buffer[] = []
  #bytes = 0

  /** How long the line is that has not ended yet, in bytes. */
  get pending(): number {
    return this.#bytes
  }

  /** The lines that end in this chunk, without their `\n`. */
  push(chunk: Buffer): string[] {
    const end = chunk.lastIndexOf(0x0a)
    this.#parts.push(end < 0 ? chunk : chunk.subarray(0, end))
    this.#bytes += chunk.length
    if (end < 0) return []
    const lines = Buffer.concat(this.#parts).toString().split('\n')
    this.#parts.length = 0
    this.#bytes = chunk.length - end - 1
    if (this.#bytes > 0) this.#parts.push(chunk.subarray(end + 1))
    return lines
  }

  /** What came after the last `\n`; undefined when that was the end. */
  rest(): string | undefined {
    if (this.#bytes === 0) return undefined
    const text = Buffer.concat(this.#parts).toString()
    this.#parts.length = 0
    this.#bytes = 0
    return text
  }
}
