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
import { writesReportToStdout } from './report-to-stdout.ts'
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
  /** Those that could be made ready. */
  readonly #ready = new Map<string, Depot>()
  /** How what has failed since a run began is forgotten: until the next one, one failure stays one. */
  readonly #forget: (() => void)[] = []
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

  /** In watch mode run follows run: what failed in the last one is tried again, and machines that ended are replaced. */
  async renew(): Promise<void> {
    for (const forget of this.#forget.splice(0)) forget()
    if (this.#ready.size === 0 || this.ending) return
    const fleet = await this.#fleet
    // ssh takes a while to believe that a machine is gone. Whoever gets no answer takes the machines as they are.
    const items = await fleet?.inventory().catch(() => undefined)
    for (const [type, depot] of this.#ready) {
      const { instance, isLost } = depot
      const isRunning =
        items?.some(
          ({ id, state }) => id === instance.id && (state === 'pending' || state === 'running'),
        ) ?? true
      if (isRunning && !isLost) continue
      this.#ready.delete(type)
      this.#depots.delete(type)
      depot.disconnect()
      this.note(`${type} ${instance.id} ${isRunning ? 'can no longer be reached' : 'has ended'}`)
      if (isRunning) void this.#terminate(instance)
    }
  }

  /** Begins to launch machines, one of each type, all at once; those that are there already stay. */
  want(types: readonly string[]): void {
    if (this.ending) return
    for (const type of types) {
      if (this.#depots.has(type)) continue
      const depot = this.#keep(this.#stock(type), () => this.#depots.delete(type))
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
    this.#broker ??= this.#keep(this.#openBroker(), () => (this.#broker = undefined))
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
    this.#fleet ??= this.#keep(this.#open(), () => (this.#fleet = undefined))
    const fleet = await this.#fleet
    const instance = await fleet.launch({ ...options, signal: this.#signal(options.signal) })
    this.print([machineLine(instance)])
    return instance
  }

  /** Whoever waits for it hears of its failure; without anybody it is no unhandled rejection. */
  #keep<T>(work: Promise<T>, forget: () => void): Promise<T> {
    work.catch(() => this.#forget.push(forget))
    return work
  }

  #signal(other: AbortSignal | undefined): AbortSignal {
    const { signal } = this.#aborter
    return other === undefined ? signal : AbortSignal.any([signal, other])
  }

  async #stock(type: string): Promise<Depot> {
    const { image, user, target } = this.options
    // Not read again later: the next run may have forgotten it.
    const runtime = (this.#runtime ??= this.#keep(
      buildRuntime(this.vitest),
      () => (this.#runtime = undefined),
    ))
    const instance = await this.#booting.during(this.#launch({ type, image, user }))
    const opening = Depot.open({
      instance,
      node: nodeBinary(instance.arch),
      runtime,
      isLocal: target === 'local',
    })
    const depot = await this.#shipping
      .during(opening)
      .catch((error: unknown) => this.#giveBack(instance, error))
    this.#ready.set(type, depot)
    return depot
  }

  /** A machine that could not be made ready is of no use, and costs. */
  async #giveBack(instance: Instance, error: unknown): Promise<never> {
    await this.#terminate(instance)
    throw error
  }

  async #terminate(instance: Instance): Promise<void> {
    await instance.terminate().catch((error: unknown) => {
      this.note(`${instance.id} could not be terminated yet: ${describe(error)}`)
    })
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
    try {
      const local = await this.#startLocal()
      const fleet = await this.#openFleet(local)
      this.print(headerLines(fleet, hostname(), local))
      this.#sweeping = this.#sweep(fleet)
      return fleet
    } catch (error) {
      // In watch mode another one is opened.
      await this.#local?.close().catch(() => undefined)
      this.#local = undefined
      this.#giveBackProcess()
      this.#giveBackProcess = undefined
      throw error
    }
  }

  async #openFleet(local: LocalEc2 | undefined): Promise<Fleet> {
    const { openFleet } = await import('@benchaway/core')
    const { project, region, ingress, maxInstances, graceMs, ttlMs } = this.options
    return openFleet({
      project,
      ...(local === undefined ? { target: 'aws', region } : { target: local }),
      ingress: Array.isArray(ingress) ? [...ingress] : ingress,
      maxInstances,
      graceMs,
      ttlMs,
      log: debug,
    })
  }

  async #startLocal(): Promise<LocalEc2 | undefined> {
    if (this.options.target !== 'local') return undefined
    const { startLocalEc2 } = await import('@benchaway/local-ec2')
    this.#local = await startLocalEc2()
    return this.#local
  }

  // A failure is no reason not to measure: what dead runs left is swept again by the next one.
  async #sweep(fleet: Fleet): Promise<void> {
    try {
      const { terminated, deletedGroups, failed } = await fleet.sweep()
      const swept = [...terminated, ...deletedGroups]
      if (swept.length > 0) this.note(`deleted what dead runs left: ${swept.join(', ')}`)
      for (const { run, reason } of failed) {
        this.note(`what the dead run ${run} left could not be deleted: ${reason}`)
      }
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

function debug(line: string): void {
  if (/(?:^|[\s,])(?:\*|benchaway:(?:\*|fleet))(?:$|[\s,])/.test(process.env['DEBUG'] ?? '')) {
    process.stderr.write(`benchaway:fleet ${line}\n`)
  }
}
