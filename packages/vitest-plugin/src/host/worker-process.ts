import type { RemoteProcess } from '@benchaway/core'

import { PluginError } from '../errors.ts'
import { encodeFrame, FrameReader } from '../wire/frames.ts'
import { type Hello, isOurs, type SnapshotRequest, type ToWorker } from '../wire/messages.ts'
import type { Depot } from './depot.ts'
import {
  isAnswer,
  isResponse,
  type RpcAnswer,
  type RpcCall,
  type WorkerRequest,
} from './messages.ts'
import { cleanMessage, CleanStream } from './terminal.ts'

export interface WorkerProcessOptions {
  readonly depot: Depot
  /** What Node itself is told. */
  readonly execArgv: readonly string[]
  readonly hello: Hello
  /** Vitest's `start`, which only goes out once the worker listens. */
  readonly start: WorkerRequest
  /** Is given what the worker says to Vitest, still as the machine sent it. */
  readonly onMessage: (message: unknown) => void
  readonly onSnapshot: (request: SnapshotRequest) => void
  /** What it and the user's code print, fit for a terminal. */
  readonly onOutput: (text: string) => void
  /** It speaks another language than we do, and is killed. */
  readonly onNonsense: (error: unknown) => void
}

/** Both undefined when the connection was lost. */
export interface WorkerEnd {
  readonly exitCode: number | undefined
  readonly signal: string | undefined
}

/** A worker on a machine, from its launch to its end. */
export class WorkerProcess {
  readonly #process: RemoteProcess
  readonly #started = Promise.withResolvers<void>()

  private constructor(process: RemoteProcess, options: WorkerProcessOptions) {
    const { depot, onOutput, onNonsense } = options
    this.#process = process
    process.stdin.on('error', () => undefined)
    const output = new CleanStream()
    process.stderr.on('data', (chunk: Buffer) => onOutput(output.write(chunk)))
    const reader = new FrameReader()
    process.stdout.on('data', (chunk: Buffer) => {
      // ssh2 takes an error thrown here for one of the connection, and drops all channels.
      try {
        for (const message of reader.push(chunk)) this.#receive(message, options)
      } catch (error) {
        onNonsense(error)
        process.kill()
      }
    })
    this.#started.promise.catch(() => undefined)
    void process.exit.then((end) => {
      onOutput(output.end())
      this.#started.reject(neverStarted(depot, end))
    })
  }

  /** Starts the process; it may ask for modules from now on. */
  static async open(options: WorkerProcessOptions): Promise<WorkerProcess> {
    const worker = new WorkerProcess(await options.depot.startWorker(options.execArgv), options)
    worker.send(options.hello)
    return worker
  }

  /**
   * Resolves once Vitest's half over there has set itself up.
   *
   * @throws {PluginError} `WORKER_FAILED`, or what Vitest's set-up threw
   */
  get started(): Promise<void> {
    return this.#started.promise
  }

  /** Resolves when the process is gone. Never rejects. */
  get end(): Promise<WorkerEnd> {
    return this.#process.exit
  }

  send(message: ToWorker | WorkerRequest | RpcCall | RpcAnswer): void {
    const { stdin } = this.#process
    if (!stdin.writable) return
    try {
      stdin.write(encodeFrame(message))
    } catch (error) {
      // Such as a function in what a plugin returned. The worker must hear something, or it waits for ever.
      if (isAnswer(message)) stdin.write(encodeFrame({ t: 's', i: message.i, e: error }))
      else throw error
    }
  }

  /** Resolves when it has ended. */
  async stop(): Promise<void> {
    this.#process.stdin.end()
    // An idle worker ends when its channel does; one in an endless loop must be killed.
    const timer = setTimeout(() => this.#process.kill(), 1000)
    await this.end
    clearTimeout(timer)
  }

  #receive(message: unknown, { start, onMessage, onSnapshot }: WorkerProcessOptions): void {
    if (isOurs(message)) {
      if (message.benchaway === 'ready') this.send(start)
      else if (message.benchaway === 'snapshot') onSnapshot(message)
    } else if (isResponse(message) && message.type === 'started') {
      if (message.error === undefined) this.#started.resolve()
      else this.#started.reject(asError(cleanMessage(message.error)))
    } else {
      onMessage(message)
    }
  }
}

// Vitest sends an error as an object without a prototype, of which nobody could make words.
function asError(sent: unknown): unknown {
  if (typeof sent !== 'object' || sent === null || sent instanceof Error) return sent
  const { message, name }: { message?: unknown; name?: unknown } = sent
  const error = new Error(typeof message === 'string' ? message : 'the worker did not start')
  if (typeof name === 'string') error.name = name
  return error
}

function neverStarted(depot: Depot, { exitCode, signal }: WorkerEnd): PluginError {
  const { type, id, image } = depot.instance
  if (exitCode === undefined && signal === undefined) {
    const words = `the ssh connection to ${type} ${id} was lost while the worker started`
    return new PluginError('WORKER_FAILED', words)
  }
  const end = signal === undefined ? `exit code ${exitCode}` : `SIG${signal}`
  const words = `the worker on ${type} ${id} ended with ${end} before it was ready`
  return new PluginError('WORKER_FAILED', words, {
    hint: `What it printed is above; Node needs glibc 2.28 or newer, and the image is ${image}.`,
  })
}
