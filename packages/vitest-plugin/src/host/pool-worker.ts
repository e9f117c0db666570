import { EventEmitter, once } from 'node:events'
import { sep } from 'node:path'

import type { PoolOptions, PoolWorker } from 'vitest/node'

import type { SnapshotRequest } from '../wire/messages.ts'
import type { Depot } from './depot.ts'
import { configEnvironment, workerEnvironment } from './environment.ts'
import { failedFileCalls } from './failed-file.ts'
import { Mediator } from './mediator.ts'
import {
  isAnswer,
  isCall,
  isRequest,
  isResponse,
  type RpcAnswer,
  type RpcCall,
  type RunRequest,
  type StartRequest,
  type WorkerRequest,
  type WorkerResponse,
} from './messages.ts'
import type { Run } from './run.ts'
import { answerSnapshot } from './snapshots.ts'
import { cleanMessage } from './terminal.ts'
import { type WorkerEnd, WorkerProcess } from './worker-process.ts'

export interface RemotePoolWorkerOptions {
  readonly run: Run
  /** On which instance type the project's files run. */
  readonly type: string
}

/**
 * Vitest's handle on a worker process that runs on a machine.
 *
 * Vitest gives a worker 60 seconds to start, and a machine may need longer. So `start` is answered at once, and a
 * `run` waits until the machine is there.
 */
export class RemotePoolWorker implements PoolWorker {
  readonly name = 'benchaway'
  readonly cacheFs = false
  readonly #options: PoolOptions
  readonly #run: Run
  readonly #type: string
  readonly #events = new EventEmitter()
  readonly #mediator: Mediator
  readonly #cancel = new AbortController()
  readonly #benchFiles = new Set<string>()
  readonly #snapshots = new Set<string>()
  /** Calls that we made of Vitest in the worker's name. */
  readonly #called = new Map<string, () => void>()
  #startRequest: StartRequest | undefined
  #depot: Depot | undefined
  #worker: WorkerProcess | undefined
  #stopping = false
  #measuring = false
  #lastCall = 0

  constructor(options: PoolOptions, { run, type }: RemotePoolWorkerOptions) {
    this.#options = options
    this.#run = run
    this.#type = type
    this.#events.setMaxListeners(0)
    this.#mediator = new Mediator({
      project: options.project,
      acrossMachines: run.acrossMachines,
      toVitest: (call) => this.#events.emit('message', call),
      toWorker: (answer) => this.#worker?.send(answer),
      sendPackages: async (files, gate) => this.#depot?.sendPackages(files, gate),
      onRefusal: (words) => run.warn(`${type}: ${words}`),
    })
  }

  async start(): Promise<void> {
    this.#run.want([this.#type])
  }

  on(event: string, listener: (...args: unknown[]) => void): void {
    this.#events.on(event, listener)
  }

  off(event: string, listener: (...args: unknown[]) => void): void {
    this.#events.off(event, listener)
  }

  deserialize(data: unknown): unknown {
    return data
  }

  send(message: WorkerRequest | RpcCall | RpcAnswer): void {
    if (isRequest(message)) this.#request(message)
    else if (isAnswer(message)) {
      const called = this.#called.get(message.i)
      if (called) called()
      else void this.#mediator.answer(message)
    } else {
      // The only call that Vitest makes of a worker is `onCancel`.
      this.#cancel.abort()
      this.#worker?.send(message)
    }
  }

  /** Ends the process; its last words have been heard. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#worker?.stop()
  }

  #request(message: WorkerRequest): void {
    switch (message.type) {
      case 'start':
        this.#startRequest = message
        this.#respond({ type: 'started' })
        break
      case 'run':
      case 'collect':
        void this.#runFiles(message)
        break
      default:
        // From here on Vitest has no ear for anything but the answer, and waits a minute for that.
        this.#stopping = true
        if (this.#worker === undefined) this.#respond({ type: 'stopped' })
        else this.#worker.send(message)
    }
  }

  async #runFiles(message: RunRequest): Promise<void> {
    const files = message.context.files.map(({ filepath }) => filepath)
    const { signal } = this.#cancel
    try {
      // Booting may take a minute: who cancels meanwhile does not wait for it.
      await Promise.race([this.#prepare(files), once(signal, 'abort')])
      if (signal.aborted) return this.#respond({ type: 'testfileFinished' })
      this.#startMeasuring()
      this.#worker?.send(message)
    } catch (error) {
      if (this.#run.ending) return
      for (const file of files) await this.#reportFailure(file, error)
      this.#respond({ type: 'testfileFinished' })
    }
  }

  async #prepare(files: readonly string[]): Promise<void> {
    const { project } = this.#options
    const { config } = project
    for (const file of files) {
      this.#benchFiles.add(file)
      const { snapshot } = project.vitest
      this.#snapshots.add(snapshot.resolvePath(file, { config: project.serializedConfig }))
    }
    const depot = await this.#run.depot(this.#type)
    this.#depot = depot
    await depot.makeRoot(config.root)
    await depot.sendFixtures(config.root, this.#run.options.files)
    // Who cancelled meanwhile has stopped listening, and nobody would stop a worker that came now.
    if (this.#stopping || this.#cancel.signal.aborted) return
    // Without isolation one process runs file after file.
    const worker = (this.#worker ??= await this.#launch(depot))
    await worker.started
    if (this.#stopping) await worker.stop()
  }

  async #launch(depot: Depot): Promise<WorkerProcess> {
    const { env, project } = this.#options
    if (this.#startRequest === undefined) throw new Error('Vitest never sent `start`')
    const { logger } = project.vitest
    const worker = await WorkerProcess.open({
      depot,
      execArgv: this.#execArgv(),
      hello: {
        benchaway: 'hello',
        env: workerEnvironment(env, this.#run.options.env),
        cwd: project.config.root,
      },
      start: this.#withoutSecrets(this.#startRequest),
      onMessage: (message) => this.#receive(message),
      onSnapshot: (request) => this.#snapshot(request),
      onOutput: (text) => logger.errorStream.write(text),
      onNonsense: (error) => {
        this.#run.warn(`${depot.instance.type} ${depot.instance.id}: ${String(error)}`)
      },
    })
    void this.#watch(worker, depot)
    return worker
  }

  async #watch(worker: WorkerProcess, depot: Depot): Promise<void> {
    const hasStarted = await worker.started.then(
      () => true,
      () => false,
    )
    const end = await worker.end
    this.#worker = undefined
    this.#finishMeasuring()
    // A worker that never started has failed its file already; and when the run ends, a report on what that cut off
    // would only be noise.
    if (this.#stopping) this.#respond({ type: 'stopped' })
    else if (hasStarted && !this.#run.ending) this.#died(depot, end)
  }

  /** Vitest takes one terminal event; after it nobody listens, and a second would end the whole process. */
  #died({ instance }: Depot, { exitCode, signal }: WorkerEnd): void {
    if (exitCode === undefined && signal === undefined) {
      // An `error` that nobody listens to would end the whole process.
      if (this.#events.listenerCount('error') === 0) return
      const words = `the ssh connection to ${instance.type} ${instance.id} is gone`
      this.#events.emit('error', new Error(words))
    } else {
      this.#events.emit('exit', exitCode, signal === undefined ? undefined : `SIG${signal}`)
    }
  }

  #receive(message: unknown): void {
    if (isCall(message)) this.#mediator.call(message)
    else if (isResponse(message) || isAnswer(message)) {
      if (isResponse(message) && message.type === 'testfileFinished') this.#finishMeasuring()
      this.#events.emit('message', cleanMessage(message))
    }
  }

  #snapshot(request: SnapshotRequest): void {
    const { root, snapshotOptions } = this.#options.project.config
    const { updateSnapshot } = snapshotOptions
    const files = { chosen: this.#snapshots, benchFiles: this.#benchFiles }
    this.#worker?.send(answerSnapshot(request, { root, ...files, updateSnapshot }))
  }

  async #reportFailure(file: string, error: unknown): Promise<void> {
    for (const [method, args] of await failedFileCalls(this.#options.project, file, error)) {
      await this.#callVitest(method, args)
    }
  }

  #callVitest(method: string, args: unknown[]): Promise<void> {
    const id = `benchaway ${++this.#lastCall}`
    return new Promise((resolve) => {
      this.#called.set(id, () => {
        this.#called.delete(id)
        resolve()
      })
      this.#events.emit('message', { t: 'q', i: id, m: method, a: args } satisfies RpcCall)
    })
  }

  #respond(response: Omit<WorkerResponse, '__vitest_worker_response__'>): void {
    // Vitest begins to listen only after it has sent.
    setImmediate(() => {
      this.#events.emit('message', { __vitest_worker_response__: true, ...response })
    })
  }

  #startMeasuring(): void {
    this.#measuring = true
    this.#run.measuring.start()
  }

  #finishMeasuring(): void {
    if (this.#measuring) this.#run.measuring.stop()
    this.#measuring = false
  }

  #withoutSecrets(request: StartRequest): StartRequest {
    const { config } = request.context
    const { root, envDir } = this.#options.project.vite.config
    const folders = [...new Set([root, process.cwd(), ...(envDir === false ? [] : [envDir])])]
    const env = configEnvironment(config.env, this.#run.options.env, folders)
    return { ...request, context: { ...request.context, config: { ...config, env } } }
  }

  // Vitest's own names a file of this computer, and only quiets older versions of Node.
  #execArgv(): string[] {
    const { execArgv } = this.#options
    const at = execArgv.findIndex((arg) => arg.endsWith(`${sep}suppress-warnings.cjs`))
    return execArgv.filter((_, index) => index !== at && index !== at - 1)
  }
}
