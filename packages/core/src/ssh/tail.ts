/** The last bytes of an output. */
export class Tail {
  readonly #limit: number
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #isCut = false

  constructor(limit: number) {
    this.#limit = limit
  }

  add(chunk: Buffer): void {
    // A part of a larger chunk would keep all of it.
    const last = chunk.subarray(-this.#limit)
    const isPart = last.length < chunk.length
    this.#chunks.push(isPart ? Buffer.from(last) : last)
    this.#isCut ||= isPart
    this.#bytes += last.length
    for (let [first] = this.#chunks; first !== undefined; [first] = this.#chunks) {
      if (this.#bytes - first.length < this.#limit) break
      this.#chunks.shift()
      this.#bytes -= first.length
      this.#isCut = true
    }
  }

  /** Begins with a whole line when something is missing before it and that is possible. */
  text(): string {
    const bytes = Buffer.concat(this.#chunks)
    if (!this.#isCut && bytes.length <= this.#limit) return bytes.toString()
    const last = bytes.subarray(-this.#limit)
    const start = last.indexOf(0x0a) + 1
    return last.subarray(start === last.length ? 0 : start).toString()
  }
}
