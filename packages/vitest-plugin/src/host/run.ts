import { hostname } from 'node:os'

import type { CloseReport, Fleet, Instance, LaunchOptions } from '@benchaway/core'
import { describe } from '@benchaway/core/errors'
import type { LocalEc2 } from '@benchaway/local-ec2'
import type { TestProject, Vitest } from 'vitest/node'

import type { ResolvedOptions } from '../options.ts'
import type { Broker } from './broker.ts'
import { Depot, sendNode } from './depot.ts'
import { guardProcess } from './guard-process.ts'
import { nodeBinary } from './node-binary.ts'
import { footerLines, headerLines, machineLine, nothingLaunched } from './report.ts'
import { buildRuntime, type Runtime } from './runtime.ts'
import { Stopwatch } from './stopwatch.ts'
import { cleanText } from './terminal.ts'

const runs = new WeakMap<Vitest, Run>()

/** All machines of one Vitest process, from the first file that needs one until Vitest closes. */
export class Run {
  readonly vitest: Vitest
  readonly options: ResolvedOptions
  /** While at least one bench file runs on a machine. */
  readonly measuring: Stopwatch = new Stopwatch()
  readonly #booting = new Stopwatch()
  readonly #shipping = new Stopwatch()
  readonly #depots = new Map<string, Promise<Depot>>()
  readonly #warned = new Set<string>()
  readonly #aborter = new AbortController()
  #fleet: Promise<Fleet> | undefined
  #local: LocalEc2 | undefined
  #runtime: Promise<Runtime> | undefined
  #broker: Promise<Broker> | undefined
  #sweeping: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #giveBackProcess: (() => void) | undefined

  private constructor(vitest: Vitest, options: ResolvedOptions) {
    this.vitest = vitest
    this.options = options
  }

  /** The run of a Vitest process; a new one after Vitest has restarted. */
  static of(vitest: Vitest, options: ResolvedOptions): Run {
    const known = runs.get(vitest)
    if (known !== undefined && !known.ending) return known
    const run = new Run(vitest, options)
    runs.set(vitest, run)
    vitest.onClose(() => run.close())
    return run
  }

  /** Whether the machines are on their way out: what fails now fails because of that. */
  get ending(): boolean {
    return this.#closing !== undefined || this.#aborter.signal.aborted
  }

  /** Whether a bench runs on more than one machine, so that a table across them says something. */
  get acrossMachines(): boolean {
    return this.options.instances.length > 1
  }

  /** Begins to launch machines, one of each type, all at once; those that are there already stay. */
  want(types: readonly string[]): void {
    if (this.ending) return
    for (const type of types) {
      if (this.#depots.has(type)) continue
      const depot = this.#stock(type)
      // Whoever waits for this machine hears of it; without anybody it is no unhandled rejection.
      depot.catch(() => undefined)
      this.#depots.set(type, depot)
    }
  }

  /** The machine of a type, with Node and the worker on it. */
  async depot(type: string): Promise<Depot> {
    this.want([type])
    const depot = this.#depots.get(type)
    if (depot === undefined) throw new Error(`no machine for ${type}: the run is over`)
    return depot
  }

  /** Lets the driver files of a project ask for machines. */
  async serveDrivers(project: TestProject): Promise<void> {
    this.#broker ??= this.#openBroker()
    const { address } = await this.#broker
    project.provide('benchaway', address)
  }

  /** Tells the user something while bench files run. */
  note(line: string): void {
    this.print([`benchaway: ${line}`])
  }

  /** As `note()`, for what a machine gave cause for: in words that may be its own, once, and not without end. */
  warn(line: string): void {
    if (this.#warned.has(line) || this.#warned.size >= 50) return
    this.#warned.add(line)
    this.note(cleanText(line))
  }

  /** On stdout, or on stderr when a program reads the report from stdout. */
  print(lines: readonly string[]): void {
    const { logger } = this.vitest
    const aside = writesReportToStdout(this.vitest)
    for (const line of lines) {
      if (aside) logger.error(line)
      else logger.log(line)
    }
  }

  /** Gives up launches that are under way and lets workers end without complaint. */
  abort(): void {
    this.#aborter.abort(new Error('the run was stopped'))
  }

  /** Ends all machines and says what is left. Safe to call twice. Never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Orders the end of every machine, over ssh as well, and waits for no more than that. Never rejects. */
  async hurry(): Promise<void> {
    this.abort()
    const fleet = await this.#fleet?.catch(() => undefined)
    await fleet?.close({ waitMs: 0 }).catch(() => undefined)
  }

  async #launch(options: Omit<LaunchOptions, 'count'>): Promise<Instance> {
    this.#fleet ??= this.#open()
    const fleet = await this.#fleet
    const instance = await fleet.launch({ ...options, signal: this.#signal(options.signal) })
    this.print([machineLine(instance)])
    return instance
  }

  #signal(other: AbortSignal | undefined): AbortSignal {
    const { signal } = this.#aborter
    return other === undefined ? signal : AbortSignal.any([signal, other])
  }

  async #stock(type: string): Promise<Depot> {
    const { image, user, target } = this.options
    this.#runtime ??= buildRuntime(this.vitest)
    this.#runtime.catch(() => undefined)
    const instance = await this.#booting.during(this.#launch({ type, image, user }))
    const depot = Depot.open({
      instance,
      node: nodeBinary(instance.arch),
      runtime: this.#runtime,
      isLocal: target === 'local',
    })
    return this.#shipping.during(depot).catch((error: unknown) => this.#giveBack(instance, error))
  }

  /** A machine that could not be made ready is of no use, and costs. */
  async #giveBack(instance: Instance, error: unknown): Promise<never> {
    await instance.terminate().catch((again: unknown) => {
      this.note(`${instance.id} could not be terminated yet: ${describe(again)}`)
    })
    throw error
  }

  async #openBroker(): Promise<Broker> {
    const { startBroker } = await import('./broker.ts')
    const { target } = this.options
    return startBroker({
      launch: async (options) => {
        const instance = await this.#booting.during(this.#launch(options))
        const sent = nodeBinary(instance.arch).then((node) =>
          sendNode(instance, node, target === 'local'),
        )
        const node = await this.#shipping
          .during(sent)
          .catch((error: unknown) => this.#giveBack(instance, error))
        return { instance, node }
      },
      terminate: (instance) => instance.terminate(),
      log: (line) => this.note(line),
    })
  }

  async #open(): Promise<Fleet> {
    this.#giveBackProcess = guardProcess(this)
    const { project, target, region, ingress, maxInstances, graceMs, ttlMs } = this.options
    const [{ openFleet }, local] = await Promise.all([
      import('@benchaway/core'),
      target === 'local' ? this.#startLocal() : undefined,
    ])
    const fleet = await openFleet({
      project,
      ...(local === undefined ? { target: 'aws', region } : { target: local }),
      ingress: Array.isArray(ingress) ? [...ingress] : ingress,
      maxInstances,
      graceMs,
      ttlMs,
      log: debug,
    })
    this.print(headerLines(fleet, hostname(), local))
    this.#sweeping = this.#sweep(fleet)
    return fleet
  }

  async #startLocal(): Promise<LocalEc2> {
    const { startLocalEc2 } = await import('@benchaway/local-ec2')
    this.#local = await startLocalEc2()
    return this.#local
  }

  // A failure is no reason not to measure: what dead runs left is swept again by the next one.
  async #sweep(fleet: Fleet): Promise<void> {
    try {
      const { terminated, deletedGroups } = await fleet.sweep()
      const swept = [...terminated, ...deletedGroups]
      if (swept.length > 0) this.note(`deleted what dead runs left: ${swept.join(', ')}`)
    } catch (error) {
      this.note(`the sweep for leftovers of dead runs failed: ${describe(error)}`)
    }
  }

  async #close(): Promise<void> {
    const closeBroker = async (): Promise<void> => {
      await (await this.#broker?.catch(() => undefined))?.close()
    }
    if (this.#fleet === undefined) return closeBroker()
    const cleaning = new Stopwatch()
    cleaning.start()
    let report: CloseReport | undefined
    let failure: unknown
    let opened = true
    try {
      // A fleet that could not be opened has made nothing, and who asked for it was told.
      const fleet = await this.#fleet.catch(() => undefined)
      opened = fleet !== undefined
      // Money first: neither the driver files nor the sweep hold up the order to end the machines.
      const closing = fleet?.close()
      await Promise.allSettled([closing, this.#sweeping, closeBroker()])
      report = await closing
      for (const depot of await Promise.allSettled(this.#depots.values())) {
        if (depot.status === 'fulfilled') depot.value.disconnect()
      }
    } catch (error) {
      failure = error
    }
    await this.#local?.close().catch((error: unknown) => {
      failure ??= error
    })
    this.#giveBackProcess?.()
    const left = report?.left ?? []
    if (!opened && failure === undefined) {
      this.print(nothingLaunched)
      return
    }
    const phases = {
      bootMs: this.#booting.total,
      shipMs: this.#shipping.total,
      measureMs: this.measuring.total,
      cleanMs: cleaning.total,
    }
    this.print(footerLines({ phases, left, failure }))
    if (left.length > 0 || failure !== undefined) process.exitCode = 1
  }
}

function writesReportToStdout({ config }: Vitest): boolean {
  const { outputFile, reporters } = config
  return reporters.some((reporter) => {
    if (!Array.isArray(reporter)) return false
    const [name, options] = reporter
    if (name === 'tap' || name === 'tap-flat') return true
    if (name !== 'json' && name !== 'junit') return false
    const toStdout = 'stdout' in options && options.stdout === true
    const ownFile = 'outputFile' in options ? options.outputFile : undefined
    const file = typeof outputFile === 'object' ? outputFile[name] : outputFile
    return toStdout && (ownFile ?? file) === undefined
  })
}

function debug(line: string): void {
  if (/(?:^|[\s,])(?:\*|benchaway:(?:\*|fleet))(?:$|[\s,])/.test(process.env['DEBUG'] ?? '')) {
    process.stderr.write(`benchaway:fleet ${line}\n`)
  }
}
