import { BenchawayError } from '../../errors.ts'

/** Asks again after a connection was lost, as long as something comes in between. */
export class Retries {
  readonly #most: number
  #inVain = 0
  #cause: unknown

  /**
   * @param most how many times in a row nothing may come in between; with 0 it does not ask again at all. Each of them
   *   waits until there is a connection again
   */
  constructor(most = 2) {
    this.#most = most
  }

  /** @returns undefined when there was no connection to begin with */
  async take<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof BenchawayError && error.code === 'CONNECTION_LOST')) throw error
      this.#cause = error
      return undefined
    }
  }

  /** @throws why there is no connection, or `failure()`, when that was once too often */
  count(hasCome: boolean, failure: () => Error): void {
    this.#inVain = hasCome ? 0 : this.#inVain + 1
    if (this.#most === 0 || this.#inVain > this.#most) throw this.#cause ?? failure()
  }
}
