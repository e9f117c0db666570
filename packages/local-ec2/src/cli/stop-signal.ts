import { constants } from 'node:os'

/** A terminal and npx both pass one Ctrl-C on: what comes this soon is still the first. */
const sameMs = 500

/**
 * Resolves with the first signal that asks for the end.
 *
 * @param again called with the exit code for a later one: its sender has lost patience
 */
export function stopSignal(again: (exitCode: number) => void): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let firstTime: number | undefined
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const now = performance.now()
      firstTime ??= now
      if (now - firstTime < sameMs) resolve(signal)
      else again(128 + constants.signals[signal])
    })
  }
  return promise
}
