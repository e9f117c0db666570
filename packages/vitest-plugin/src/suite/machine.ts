import { PluginError } from '../errors.ts'
import type { BrokerAddress, MachineOptions } from '../wire/broker.ts'
import { askForMachine } from './broker.ts'
import type { SuiteInstance } from './instance.ts'
import { reportable } from './report-error.ts'

export interface MachinePlan extends MachineOptions {
  readonly setup: ((instance: SuiteInstance) => unknown) | undefined
  /** For boot and set-up together. */
  readonly timeoutMs: number
}

/** One machine of a suite, from before its launch until after its end. */
export class Machine {
  readonly #plan: MachinePlan
  readonly #above: Machine | undefined
  readonly #ended = new AbortController()
  #booting: Promise<SuiteInstance> | undefined
  #ready: Promise<void> | undefined
  #instance: SuiteInstance | undefined

  /** @param above the one that the suite declares before this one */
  constructor(plan: MachinePlan, above: Machine | undefined) {
    this.#plan = plan
    this.#above = above
  }

  /** How long `ready()` takes at most. */
  get limitMs(): number {
    return this.#plan.timeoutMs + (this.#above?.limitMs ?? 0)
  }

  /** @throws {PluginError} `INSTANCE_NOT_UP` */
  get instance(): SuiteInstance {
    const { type } = this.#plan
    if (this.#ended.signal.aborted) {
      throw notUp(`the ${type} of this suite has been terminated`, 'of the suite that called it')
    }
    if (this.#instance === undefined) throw notUp(`the ${type} of this suite is not up yet`)
    return this.#instance
  }

  /** Begins to boot; a second call does nothing. */
  boot(address: BrokerAddress): void {
    this.#booting ??= this.#boot(address)
    // Whoever waits for it hears of a failure, and nobody may be there yet.
    this.#booting.catch(() => undefined)
  }

  /**
   * Waits until the machines above it are ready and this one is up, then sets it up; a second call waits for the first.
   *
   * @throws {PluginError} `SETUP_TIMED_OUT`; or what went wrong
   */
  ready(address: BrokerAddress): Promise<void> {
    return (this.#ready ??= this.#makeReady(address))
  }

  async #makeReady(address: BrokerAddress): Promise<void> {
    this.boot(address)
    // Vitest can be told to run the hooks of all of them at once.
    await this.#above?.ready(address)
    let doing = 'not up'
    const work = async (): Promise<void> => {
      const instance = await this.#booting
      if (instance === undefined || this.#ended.signal.aborted) return
      // From now on other hooks may use it, and so may its own `setup` by the name it has in the file.
      this.#instance = instance
      if (this.#plan.setup === undefined) return
      doing = 'not set up'
      const started = performance.now()
      await this.#plan.setup(instance)
      console.log(
        `${instance.type} ${instance.id}: set up in ${seconds(performance.now() - started)}`,
      )
    }
    const { type, timeoutMs } = this.#plan
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      late.reject(
        new PluginError('SETUP_TIMED_OUT', `the ${type} was ${doing} after ${seconds(timeoutMs)}`, {
          hint: 'Give useInstance() a longer `timeoutMs` if it needs that.',
        }),
      )
    }, timeoutMs)
    try {
      await Promise.race([work(), late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Terminates the machine, also one that is still being launched. Never rejects. */
  async end(): Promise<void> {
    this.#ended.abort(new Error('the suite is over'))
    const instance = await this.#booting?.catch(() => undefined)
    if (instance === undefined) return
    try {
      await instance.terminate()
    } catch (error) {
      // It must not hide why a test failed; the main process tries again, by tag, and proves that nothing is left.
      console.warn(`terminating ${instance.id} failed: ${String(error)}`)
    }
  }

  async #boot(address: BrokerAddress): Promise<SuiteInstance> {
    const { type, image, user, volumeGib, userData } = this.#plan
    // It takes a while to load, and so does the machine to boot.
    const core = import('@benchaway/core')
    core.catch(() => undefined)
    const wanted = { type, image, user, volumeGib, userData }
    const given = await askForMachine(address, wanted, this.#ended.signal)
    try {
      const { attachInstance } = await core
      const attached = await attachInstance(given.access, given.terminate)
      return Object.assign(attached, { node: given.node })
    } catch (error) {
      await given.terminate().catch(() => undefined)
      throw error
    }
  }
}

function notUp(message: string, where = ''): PluginError {
  const hint = ['Use what useInstance() returns only inside tests and hooks', where]
    .join(' ')
    .trimEnd()
  return reportable(new PluginError('INSTANCE_NOT_UP', message, { hint: `${hint}.` }))
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
