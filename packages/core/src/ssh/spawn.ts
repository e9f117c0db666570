import { checkOptions, isWhole, type OptionRule } from '../check-options.ts'
import type { Connection } from './connection.ts'
import { isReady, LineWatch, portIsFree, probe, type Ready } from './ready.ts'
import { msRule, type RunOptions, runRules } from './run-options.ts'
import { Run } from './run.ts'
import { Server } from './server.ts'
import { Tail } from './tail.ts'

export interface SpawnOptions extends RunOptions {
  /** What shows that the server can be used. @default it has been started */
  ready?: Ready | undefined
  /** A server that is not ready by then is killed, in milliseconds. @default 60_000 */
  readyTimeoutMs?: number | undefined
  /**
   * How much of its log is kept, in bytes: the last ones.
   * @default 1_048_576
   */
  maxLogBytes?: number | undefined
}

const rules: { readonly [K in keyof Required<SpawnOptions>]: OptionRule } = {
  ...runRules,
  ready: [isReady, '{ line }, { port } or { command }'],
  readyTimeoutMs: msRule,
  maxLogBytes: [isWhole(1, 2 ** 28), 'a whole number of bytes from 1 to 268435456'],
}

/**
 * Starts a server and returns once it is ready. It keeps one of the connection's channels while it runs.
 *
 * @throws {CommandError} `COMMAND_FAILED` when it ends before it is ready, also with exit code 0; `COMMAND_TIMED_OUT`
 *   when it is not ready in time; `COMMAND_NOT_STARTED` as `exec()`, and when its port is taken; `CONNECTION_LOST`.
 *   `stdout` of the error is the log, both outputs together
 * @throws the reason of `signal`, which also kills a server that is ready
 */
export async function spawn(
  connection: Connection,
  command: string | readonly string[],
  options: SpawnOptions = {},
): Promise<Server> {
  checkOptions('spawn()', options, rules)
  const { ready, readyTimeoutMs = 60_000, maxLogBytes = 1024 * 1024, ...request } = options
  const log = new Tail(maxLogBytes)
  const watch = ready !== undefined && 'line' in ready ? new LineWatch(ready.line) : undefined
  const before = ready !== undefined && 'port' in ready ? portIsFree(ready.port) : undefined
  const run = new Run(
    'spawn()',
    connection,
    command,
    { ...request, before, isServer: true },
    (name, chunk) => {
      log.add(chunk)
      watch?.add(name, chunk)
    },
  )
  const probing = new AbortController()
  const late = setTimeout(() => {
    const reason = `${run.name} was not ready in ${readyTimeoutMs} ms`
    run.stop({ code: 'COMMAND_TIMED_OUT', reason })
  }, readyTimeoutMs)
  let probed: Promise<void> | undefined
  const waitUntilReady = async (): Promise<undefined> => {
    await run.begun
    if (ready === undefined) return
    if (!('line' in ready)) probed = probe(connection, ready, request, probing.signal)
    await (probed ?? watch?.seen)
  }
  try {
    await run.begin()
    const ended = run.end()
    void ended.then(() => run.release())
    const early = await Promise.race([waitUntilReady(), ended])
    if (early !== undefined || run.isStopped) run.settle(await ended, log.text(), '')
    if (run.session === undefined) throw new Error(`${run.name} has told no process id`)
    return new Server(connection, run, run.session, log, ended)
  } catch (error) {
    run.stop({ error })
    await run.end()
    run.release()
    throw error
  } finally {
    clearTimeout(late)
    probing.abort()
    await probed?.catch(() => undefined)
  }
}
