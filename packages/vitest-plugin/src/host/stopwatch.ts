/** Time during which at least one of several things was going on. */
export class Stopwatch {
  #running = 0
  #since = 0
  #total = 0

  start(): void {
    if (this.#running++ === 0) this.#since = performance.now()
  }

  stop(): void {
    if (--this.#running === 0) this.#total += performance.now() - this.#since
  }

  async during<T>(work: Promise<T>): Promise<T> {
    this.start()
    try {
      return await work
    } finally {
      this.stop()
    }
  }

  /** In milliseconds, what still runs included. */
  get total(): number {
    return this.#total + (this.#running > 0 ? performance.now() - this.#since : 0)
  }
}
