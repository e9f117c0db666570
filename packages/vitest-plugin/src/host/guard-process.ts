/**
 * The ways in which a Vitest process ends without closing. Outside of watch mode it exits at once on a signal, and
 * always on an unhandled rejection, before any clean-up could run. While there are machines, its listeners are put
 * aside.
 */
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Run } from './run.ts'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const outputs = [process.stdout, process.stderr]
const accidents = ['unhandledRejection', 'uncaughtException'] as const
// Orders to terminate go out at once; what takes long is EC2's word that all is gone.
const patienceMs = 60_000
// What a CI system that has lost its patience leaves.
const hurryMs = 2000

/** @returns gives the process back to Vitest */
export function guardProcess(run: Run): () => void {
  let stopping = false

  const onSignal = (signal: NodeJS.Signals): void => {
    const code = 128 + constants.signals[signal]
    if (stopping) {
      run.print([`benchaway: ${signal} again, leaving now: what is left ends by itself`])
      void leave(run, code)
      return
    }
    stopping = true
    run.print(['', `benchaway: ${signal}, cleaning up (once more to leave at once)`])
    void stop(run, code)
  }
  const onAccident = (error: unknown): void => {
    run.vitest.logger.printError(error, { fullStack: true, type: 'Unhandled Error' })
    if (stopping) return
    stopping = true
    void stop(run, 1)
  }
  // A reader that has left, as `head` does. Saying so would be one more error, and so on without end.
  const onDeaf = (): void => {
    if (stopping) return
    stopping = true
    void stop(run, 1)
  }
  for (const stream of outputs) stream.on('error', onDeaf)
  const giveBack = [
    ...signals.map((signal) => replaceListeners(signal, () => onSignal(signal))),
    ...accidents.map((accident) => replaceListeners(accident, onAccident)),
  ]
  process.once('exit', onExit)
  return () => {
    process.off('exit', onExit)
    for (const back of giveBack) back()
    for (const stream of outputs) stream.off('error', onDeaf)
  }
}

function onExit(): void {
  process.stderr.write(
    '\nbenchaway: the process ends before its machines are cleaned up. They end by themselves, and the next run deletes the rest.\n',
  )
}

function replaceListeners(event: string, ours: (argument: unknown) => void): () => void {
  const emitter: NodeJS.EventEmitter = process
  const theirs = emitter.rawListeners(event)
  emitter.removeAllListeners(event)
  emitter.on(event, ours)
  return () => {
    emitter.off(event, ours)
    for (const listener of theirs) {
      emitter.on(event, (...args: unknown[]) => void Reflect.apply(listener, process, args))
    }
  }
}

// Vitest is not asked to finish: it would wait for benches that cannot be interrupted, then report on files that never
// ran. Its own listener of 'exit' puts the terminal in order.
async function stop(run: Run, exitCode: number): Promise<never> {
  run.abort()
  const closed = await Promise.race([run.close().then(() => true), sleep(patienceMs, false)])
  if (!closed) await Promise.race([run.hurry(), sleep(hurryMs)])
  process.exit(exitCode)
}

async function leave(run: Run, exitCode: number): Promise<never> {
  await Promise.race([run.hurry(), sleep(hurryMs)])
  process.exit(exitCode)
}
