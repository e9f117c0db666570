import { setTimeout as sleep } from 'node:timers/promises'

export interface PollOptions {
  /** Asked at least once, also when this is 0. */
  timeoutMs: number
  signal?: AbortSignal | undefined
}

/**
 * Asks until there is an answer, first often, then every two seconds.
 *
 * @returns undefined when `timeoutMs` has passed without an answer
 */
export async function pollUntil<T>(
  ask: () => Promise<T | undefined>,
  { timeoutMs, signal }: PollOptions,
): Promise<T | undefined> {
  const deadline = performance.now() + timeoutMs
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 1.6, 2000)) {
    signal?.throwIfAborted()
    // oxlint-disable-next-line no-await-in-loop -- each answer decides whether to ask again
    const answer = await ask()
    if (answer !== undefined || performance.now() + pauseMs >= deadline) return answer
    // An aborted sleep rejects with its own AbortError; the caller is owed `signal.reason`.
    await sleep(pauseMs, undefined, { signal }).catch(() => signal?.throwIfAborted())
  }
}
