import { BenchawayError } from '../../errors.ts'

// Each of them waits until there is a connection again.
const mostInVain = 2

/** Asks again after a connection was lost, as long as something comes in between. */
export class Retries {
  #inVain = 0
  #cause: unknown

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
    if (hasCome) this.#inVain = 0
    else if (++this.#inVain > mostInVain) throw this.#cause ?? failure()
  }
}
