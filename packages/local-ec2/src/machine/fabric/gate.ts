/** Lets a few in at a time, in the order they came. Whoever stays for too long does not count any more. */
export class Gate {
  #free: number
  readonly #patienceMs: number
  readonly #waiting: (() => void)[] = []

  constructor(places: number, patienceMs: number) {
    this.#free = places
    this.#patienceMs = patienceMs
  }

  /** Resolves once there is a place; the function gives it back, and may be called twice. */
  async enter(): Promise<() => void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    let isInside = true
    const leave = (): void => {
      if (!isInside) return
      isInside = false
      clearTimeout(timer)
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
    const timer = setTimeout(leave, this.#patienceMs)
    return leave
  }
}
