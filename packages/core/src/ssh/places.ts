/** So many at a time; who comes later waits in line. */
export class Places {
  readonly #waiting = new Set<() => void>()
  #left: number

  constructor(count: number) {
    this.#left = count
  }

  /** @throws the reason of `signal` when it aborts before there is a place */
  async take(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (this.#left > 0) {
      this.#left--
      return
    }
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        this.#waiting.delete(enter)
        reject(signal?.reason)
      }
      const enter = (): void => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      this.#waiting.add(enter)
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  free(): void {
    const [next] = this.#waiting
    if (next === undefined) this.#left++
    else {
      this.#waiting.delete(next)
      next()
    }
  }
}
