import v8 from 'node:v8'

// Room for a result that keeps three million samples; code and tables are far smaller.
const defaultLimit = 64 * 1024 * 1024
const headBytes = 4

/** One message on the wire: its length (u32, little-endian), then its structured clone as `v8.serialize` writes it. */
export function encodeFrame(message: unknown): Buffer {
  const serializer = new v8.DefaultSerializer()
  // The room for the length goes in first: a large message is then never copied to put it in front.
  serializer.writeRawBytes(Buffer.alloc(headBytes))
  serializer.writeHeader()
  serializer.writeValue(message)
  const frame = serializer.releaseBuffer()
  frame.writeUInt32LE(frame.length - headBytes)
  return frame
}

/** Cuts a stream of bytes back into messages. */
export class FrameReader {
  readonly #limit: number
  // A list, because joining at every chunk would take minutes for a message of 100 MB.
  #chunks: Buffer[] = []
  #size = 0
  #isBroken = false

  /** @param limit largest frame that is accepted, in bytes; the far side is not trusted to be modest */
  constructor(limit: number = defaultLimit) {
    this.#limit = limit
  }

  /**
   * Takes the next bytes and returns the messages they complete.
   *
   * @throws {Error} when a frame is larger than the limit or is no structured clone; the stream is then lost, and
   *   whatever else arrives is dropped
   */
  push(chunk: Buffer): unknown[] {
    if (this.#isBroken) return []
    try {
      return this.#read(chunk)
    } catch (error) {
      this.#isBroken = true
      this.#chunks = []
      throw error
    }
  }

  #read(chunk: Buffer): unknown[] {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    const messages: unknown[] = []
    while (this.#size >= headBytes) {
      const length = this.#peekLength()
      if (length > this.#limit) {
        throw new Error(`a frame of ${length} bytes arrived, more than ${this.#limit} are allowed`)
      }
      if (this.#size < headBytes + length) break
      messages.push(v8.deserialize(this.#take(headBytes + length).subarray(headBytes)))
    }
    return messages
  }

  #peekLength(): number {
    while ((this.#chunks[0]?.length ?? 0) < headBytes) {
      const [first = Buffer.alloc(0), second = Buffer.alloc(0), ...rest] = this.#chunks
      this.#chunks = [Buffer.concat([first, second]), ...rest]
    }
    return this.#chunks[0]?.readUInt32LE(0) ?? 0
  }

  #take(size: number): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks)
    if (all === undefined) return Buffer.alloc(0)
    this.#chunks = all.length > size ? [all.subarray(size)] : []
    this.#size -= size
    return all.subarray(0, size)
  }
}
