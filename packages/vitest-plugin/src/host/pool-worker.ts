import { EventEmitter } from 'node:events'

import type { RemoteProcess } from '@benchaway/core'
import { createMethodsRPC, type PoolOptions, type PoolWorker } from 'vitest/node'

import { PluginError } from '../errors.ts'
import { encodeFrame, FrameReader } from '../wire/frames.ts'
import { isOurs, type SnapshotRequest, type ToWorker } from '../wire/messages.ts'
import type { Depot } from './depot.ts'
import { configEnvironment, workerEnvironment } from './environment.ts'
import { failedFileCalls } from './failed-file.ts'
import { Gate } from './gate.ts'
import {
  isAnswer,
  isCall,
  isFetchAnswer,
  isRequest,
  isResponse,
  type RpcAnswer,
  type RpcCall,
  type RunRequest,
  type StartRequest,
  type WorkerRequest,
  type WorkerResponse,
} from './messages.ts'
import { Modules } from './modules.ts'
import { admit, checkResolved, type RequestRules } from './requests.ts'
import type { Run } from './run.ts'
import { answerSnapshot } from './snapshots.ts'
import { cleanMessage, CleanStream } from './terminal.ts'

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
  readonly #rules: RequestRules
  readonly #modules: Modules
  /** Calls that the worker made and Vitest has not answered yet. */
  readonly #asked = new Map<string, string>()
  /** Calls that we made of Vitest in the worker's name. */
  readonly #called = new Map<string, () => void>()
  readonly #benchFiles = new Set<string>()
  readonly #snapshots = new Set<string>()
  readonly #cancelled = Promise.withResolvers<undefined>()
  #startRequest: StartRequest | undefined
  #depot: Depot | undefined
  #process: RemoteProcess | undefined
  #launched: Promise<void> | undefined
  #stopping = false
  #measuring = false

  constructor(options: PoolOptions, { run, type }: RemotePoolWorkerOptions) {
    this.#options = options
    this.#run = run
    this.#type = type
    const { project } = options
    const { allow, deny } = project.vite.config.server.fs
    const gate = new Gate({ root: project.config.root, allow, deny })
    this.#rules = { gate, root: project.config.root, acrossMachines: run.acrossMachines }
    this.#modules = new Modules({
      project,
      gate,
      // With copies on disk `fetchWarmModules` knows every module, whatever the user's cache settings are.
      graph: createMethodsRPC(project, { cacheFs: true }),
      send: (files) => this.#depot?.sendPackages(files, gate) ?? Promise.resolve(),
    })
    this.#events.setMaxListeners(0)
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
    else if (isAnswer(message)) void this.#answer(message)
    else {
      // The only call that Vitest makes of a worker is `onCancel`.
      this.#cancelled.resolve(undefined)
      this.#write(message)
    }
  }

  /** Ends the process; its last words have been heard. */
  async stop(): Promise<void> {
    this.#stopping = true
    const worker = this.#process
    if (worker === undefined) return
    worker.stdin.end()
    // An idle worker ends when its channel does; one in an endless loop must be killed.
    const timer = setTimeout(() => worker.kill(), 1000)
    await worker.exit
    clearTimeout(timer)
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
        if (this.#process === undefined) this.#respond({ type: 'stopped' })
        else this.#write(message)
    }
  }

  async #runFiles(message: RunRequest): Promise<void> {
    const files = message.context.files.map(({ filepath }) => filepath)
    try {
      // Booting may take a minute: who cancels meanwhile does not wait for it.
      const depot = await Promise.race([this.#run.depot(this.#type), this.#cancelled.promise])
      if (depot === undefined) return this.#respond({ type: 'testfileFinished' })
      this.#depot = depot
      await this.#prepare(depot, files)
      this.#launched ??= this.#launch(depot)
      await this.#launched
      this.#startMeasuring()
      this.#write(message)
    } catch (error) {
      if (this.#run.ending) return
      await this.#reportFailure(files, error)
      this.#respond({ type: 'testfileFinished' })
    }
  }

  async #prepare(depot: Depot, files: readonly string[]): Promise<void> {
    const { project } = this.#options
    const { root } = project.config
    await depot.makeRoot(root)
    await depot.sendFixtures(root, this.#run.options.files)
    for (const file of files) {
      this.#benchFiles.add(file)
      this.#snapshots.add(
        project.vitest.snapshot.resolvePath(file, { config: project.serializedConfig }),
      )
    }
  }

  async #launch(depot: Depot): Promise<void> {
    const worker = await depot.instance.open(depot.workerLine(this.#execArgv()))
    this.#process = worker
    const started = Promise.withResolvers<void>()
    const reader = new FrameReader()
    const { logger } = this.#options.project.vitest
    const errors = new CleanStream()

    worker.stdin.on('error', () => undefined)
    worker.stderr.on('data', (chunk: Buffer) => logger.errorStream.write(errors.write(chunk)))
    worker.stdout.on('data', (chunk: Buffer) => {
      // ssh2 takes an error thrown here for one of the connection, and drops all channels.
      try {
        for (const message of reader.push(chunk)) this.#receive(message, started)
      } catch (error) {
        this.#run.note(`${depot.instance.type} ${depot.instance.id}: ${String(error)}`)
        worker.kill()
      }
    })
    let up = false
    void worker.exit.then(({ exitCode, signal }) => {
      logger.errorStream.write(errors.end())
      this.#process = undefined
      if (!up) {
        started.reject(this.#neverStarted(depot, exitCode, signal))
      } else if (!this.#stopping) {
        this.#died(depot, exitCode, signal)
      }
    })

    const { env, project } = this.#options
    this.#say({
      benchaway: 'hello',
      env: workerEnvironment(env, this.#run.options.env),
      cwd: project.config.root,
    })
    await started.promise
    up = true
  }

  #neverStarted(depot: Depot, exitCode?: number, signal?: string): PluginError {
    const end = signal === undefined ? `exit code ${exitCode}` : `SIG${signal}`
    const { type, id, image } = depot.instance
    return new PluginError(
      'WORKER_FAILED',
      exitCode === undefined && signal === undefined
        ? `the ssh connection to ${type} ${id} was lost while the worker started`
        : `the worker on ${type} ${id} ended with ${end} before it was ready`,
      {
        hint: `What it printed is above; Node needs glibc 2.28 or newer, and the image is ${image}.`,
      },
    )
  }

  /** Vitest takes one terminal event; after it nobody listens, and a second would end the whole process. */
  #died(depot: Depot, exitCode?: number, signal?: string): void {
    this.#finishMeasuring()
    // The process is about to end; a report on what was cut off would only be noise.
    if (this.#run.ending) return
    if (exitCode === undefined && signal === undefined) {
      const { type, id } = depot.instance
      this.#events.emit('error', new Error(`the ssh connection to ${type} ${id} is gone`))
    } else {
      this.#events.emit('exit', exitCode, signal === undefined ? undefined : `SIG${signal}`)
    }
  }

  #receive(message: unknown, started: PromiseWithResolvers<void>): void {
    if (isOurs(message)) {
      if (message.benchaway === 'ready') this.#write(this.#withoutSecrets(this.#startRequest))
      else if (message.benchaway === 'snapshot') this.#snapshot(message)
    } else if (isResponse(message)) {
      cleanMessage(message)
      if (message.type === 'started') {
        if (message.error === undefined) started.resolve()
        else started.reject(message.error)
        return
      }
      if (message.type === 'testfileFinished') this.#finishMeasuring()
      this.#events.emit('message', message)
    } else if (isCall(message)) {
      this.#call(message)
    } else if (isAnswer(message)) {
      this.#events.emit('message', cleanMessage(message))
    }
  }

  #call(call: RpcCall): void {
    const { i: id } = call
    try {
      const admitted = admit(call, this.#rules)
      if (call.m === 'fetchWarmModules') void this.#graph(call)
      else {
        if (id !== undefined && (call.m === 'fetch' || call.m === 'resolve'))
          this.#asked.set(id, call.m)
        this.#events.emit('message', admitted)
      }
    } catch (error) {
      this.#refuse(id, error)
    }
  }

  async #graph({ i: id = '', a: [environment, files] }: RpcCall): Promise<void> {
    try {
      if (typeof environment !== 'string' || !isTexts(files)) throw new TypeError('no files given')
      this.#write({ t: 's', i: id, r: await this.#modules.graph(environment, files) })
    } catch {
      // Without it the worker asks for each module, and is told then what is wrong with it.
      this.#write({ t: 's', i: id, r: {} })
    }
  }

  async #answer(answer: RpcAnswer): Promise<void> {
    const called = this.#called.get(answer.i)
    if (called) return called()
    const method = this.#asked.get(answer.i)
    this.#asked.delete(answer.i)
    try {
      if (method === 'fetch' && isFetchAnswer(answer.r)) {
        this.#write({ ...answer, r: await this.#modules.answer(answer.r) })
        return
      }
      if (method === 'resolve') checkResolved(answer.r, this.#rules.gate)
      this.#write(answer)
    } catch (error) {
      this.#refuse(answer.i, error)
    }
  }

  #refuse(id: string | undefined, error: unknown): void {
    const words = error instanceof Error ? error.message : String(error)
    if (error instanceof PluginError && error.code === 'REQUEST_REFUSED') {
      this.#run.note(`${this.#type}: ${words}`)
    }
    const hint = error instanceof PluginError && error.hint !== undefined ? `. ${error.hint}` : ''
    if (id !== undefined) this.#write({ t: 's', i: id, e: new Error(`${words}${hint}`) })
  }

  #snapshot(request: SnapshotRequest): void {
    const { root, snapshotOptions } = this.#options.project.config
    const updates = snapshotOptions.updateSnapshot !== 'none'
    this.#say(
      answerSnapshot(request, {
        root,
        chosen: this.#snapshots,
        benchFiles: updates || request.action === 'read' ? this.#benchFiles : new Set(),
      }),
    )
  }

  async #reportFailure(files: readonly string[], error: unknown): Promise<void> {
    for (const file of files) {
      for (const [method, args] of await failedFileCalls(this.#options.project, file, error)) {
        await this.#callVitest(method, args)
      }
    }
  }

  #callVitest(method: string, args: unknown[]): Promise<void> {
    const id = `benchaway-${this.#called.size}`
    return new Promise((resolve) => {
      this.#called.set(id, resolve)
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

  #say(message: ToWorker): void {
    this.#write(message)
  }

  #write(message: unknown): void {
    const stdin = this.#process?.stdin
    if (stdin === undefined || !stdin.writable) return
    try {
      stdin.write(encodeFrame(message))
    } catch (error) {
      // Such as a function in what a plugin returned. The worker must hear something, or it waits for ever.
      if (isAnswer(message)) stdin.write(encodeFrame({ t: 's', i: message.i, e: error }))
      else throw error
    }
  }

  #withoutSecrets(request: StartRequest | undefined): unknown {
    if (request === undefined) return undefined
    const { config } = request.context
    const env = configEnvironment(config.env, this.#run.options.env)
    return { ...request, context: { ...request.context, config: { ...config, env } } }
  }

  #execArgv(): string[] {
    // `--require suppress-warnings.cjs` names a file of this computer, and only quiets older versions of Node.
    return this.#options.execArgv.filter(
      (arg, index, all) => arg !== '--require' && all[index - 1] !== '--require',
    )
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}
