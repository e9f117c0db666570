/**
 * Stands between a worker on a machine and Vitest: looks at what the worker asks for, and turns Vitest's answers,
 * which are meant for a process on this computer, into what a machine can use.
 */
import { createMethodsRPC, type TestProject } from 'vitest/node'

import { PluginError } from '../errors.ts'
import { Gate } from './gate.ts'
import { isFetchAnswer, type RpcAnswer, type RpcCall } from './messages.ts'
import { Modules } from './modules.ts'
import { admit, checkResolved, type RequestRules } from './requests.ts'

// The pool calls Vitest too, over the same wire.
const ownIds = 'benchaway '

export interface MediatorOptions {
  readonly project: TestProject
  /** Whether results also belong into the table across projects. */
  readonly acrossMachines: boolean
  readonly toVitest: (call: RpcCall) => void
  readonly toWorker: (answer: RpcAnswer) => void
  /** Brings packages to the machine, each given by one of its files. */
  readonly sendPackages: (files: readonly string[], gate: Gate) => Promise<void>
  /** Is told what the machine was refused. */
  readonly onRefusal: (words: string) => void
}

export class Mediator {
  readonly #options: MediatorOptions
  readonly #rules: RequestRules
  readonly #modules: Modules
  /** Methods of the calls that Vitest has not answered yet, by the id of the call. */
  readonly #asked = new Map<string, string>()

  constructor(options: MediatorOptions) {
    this.#options = options
    const { project, acrossMachines, sendPackages } = options
    const { root } = project.config
    const { allow, deny } = project.vite.config.server.fs
    const gate = new Gate({ root, allow, deny })
    this.#rules = { gate, root, acrossMachines }
    this.#modules = new Modules({
      project,
      gate,
      // With copies on disk `fetchWarmModules` knows every module, whatever the user's cache settings are.
      graph: createMethodsRPC(project, { cacheFs: true }),
      send: (files) => sendPackages(files, gate),
    })
  }

  /** A call of the worker. */
  call(call: RpcCall): void {
    // The id decides how the answer is looked at, so it must be ours to remember and mean one call only.
    if (!this.#isFree(call.i)) {
      this.#options.onRefusal(`a call of '${call.m}' came with an id that is in use`)
      return
    }
    try {
      const admitted = admit(call, this.#rules)
      if (call.i !== undefined) this.#asked.set(call.i, call.m)
      if (call.m === 'fetchWarmModules') return void this.#graph(call)
      this.#options.toVitest(admitted)
    } catch (error) {
      this.#refuse(call.i, error)
    }
  }

  /** Vitest's answer to one of them. */
  async answer(answer: RpcAnswer): Promise<void> {
    const method = this.#asked.get(answer.i)
    // Nobody asked for this.
    if (method === undefined) return
    try {
      if (method === 'fetch' && isFetchAnswer(answer.r)) {
        this.#options.toWorker({ ...answer, r: await this.#modules.answer(answer.r) })
        return
      }
      if (method === 'resolve') checkResolved(answer.r, this.#rules.gate)
      this.#options.toWorker(answer)
    } catch (error) {
      this.#refuse(answer.i, error)
    } finally {
      this.#asked.delete(answer.i)
    }
  }

  #isFree(id: unknown): boolean {
    if (id === undefined) return true
    return typeof id === 'string' && !this.#asked.has(id) && !id.startsWith(ownIds)
  }

  async #graph({ i: id = '', a: [environment, files] }: RpcCall): Promise<void> {
    try {
      if (typeof environment !== 'string' || !isTexts(files)) throw new TypeError('no files given')
      const modules = await this.#modules.graph(environment, files)
      this.#options.toWorker({ t: 's', i: id, r: modules })
    } catch {
      // Without it the worker asks for each module, and is told then what is wrong with it.
      this.#options.toWorker({ t: 's', i: id, r: {} })
    } finally {
      this.#asked.delete(id)
    }
  }

  #refuse(id: string | undefined, error: unknown): void {
    const words = error instanceof Error ? error.message : String(error)
    if (error instanceof PluginError && error.code === 'REQUEST_REFUSED') {
      this.#options.onRefusal(words)
    }
    const hint = error instanceof PluginError && error.hint !== undefined ? `. ${error.hint}` : ''
    if (id !== undefined) {
      this.#options.toWorker({ t: 's', i: id, e: new Error(`${words}${hint}`) })
    }
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}
