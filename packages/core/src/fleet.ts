import { setTimeout as sleep } from 'node:timers/promises'

import type { Instance as Ec2Instance } from '@aws-sdk/client-ec2'

import { userData } from './boot/user-data.ts'
import { awsCode } from './ec2/call.ts'
import { type Clients, openClients } from './ec2/clients.ts'
import { endMachines, endRun } from './ec2/end-run.ts'
import { type Identity, identify } from './ec2/identity.ts'
import { findImage } from './ec2/image.ts'
import { ingressCidrs } from './ec2/ingress.ts'
import { architectureOf } from './ec2/instance-type.ts'
import { type InventoryItem, takeInventory } from './ec2/inventory.ts'
import { runInstances } from './ec2/launch.ts'
import { describeInstances, hasEnded } from './ec2/machines.ts'
import { createSecurityGroup } from './ec2/security-group.ts'
import { sweep, type SweepReport } from './ec2/sweep.ts'
import type { RunTags, Scope } from './ec2/tags.ts'
import { terminateInstances } from './ec2/terminate.ts'
import { BenchawayError, isDenied, messageOf } from './errors.ts'
import type { Instance } from './instance.ts'
import { generateKeyPair } from './keys/pair.ts'
import { holdOwnerSocket, type OwnerSocket } from './lease/owner-socket.ts'
import { makeRunId } from './lease/run-id.ts'
import { meet } from './meet.ts'
import {
  type FleetOptions,
  type LaunchOptions,
  resolveCloseOptions,
  type CloseOptions,
  type ResolvedFleetOptions,
  type ResolvedLaunchOptions,
  resolveFleetOptions,
  resolveLaunchOptions,
} from './options.ts'

export interface CloseReport {
  /** What EC2 still lists of this run; empty when nothing is left. */
  readonly left: readonly InventoryItem[]
  readonly durationMs: number
}

/** How long EC2 may not know a machine that it has just launched. */
const unknownMs = 120_000
/** How long RunInstances may go without an answer before the launch fails. */
const answerMs = 60_000

/** Everything that one run owns. */
export class Fleet implements AsyncDisposable {
  /** As AWS knows the caller: `user/NAME`, `role/ROLE`, with SSO `role/AWSReservedSSO_…/SESSION`, or `root`. */
  readonly owner: string
  readonly account: string
  readonly project: string
  readonly region: string
  readonly target: 'aws' | 'local'
  /** ULID of this run. */
  readonly run: string
  readonly #clients: Clients
  readonly #options: ResolvedFleetOptions
  readonly #socket: OwnerSocket
  readonly #closing = new AbortController()
  /** Machines that EC2 has launched and was not told to end; those that were met have an instance. */
  readonly #alive = new Map<string, Instance | undefined>()
  readonly #launching = new Set<Promise<unknown>>()
  #requested = 0
  #securityGroup: Promise<string> | undefined
  #swept: Promise<SweepReport> | undefined
  /** What that sweep was told there is. */
  #listed: Promise<unknown> | undefined
  #closed: Promise<CloseReport> | undefined
  /** How long that one waits. */
  #waitMs = 0
  #gone = false

  constructor(
    clients: Clients,
    identity: Identity,
    options: ResolvedFleetOptions,
    run: string,
    socket: OwnerSocket,
  ) {
    this.owner = identity.owner
    this.account = identity.account
    this.project = options.project
    this.region = clients.region
    this.target = clients.target
    this.run = run
    this.#clients = clients
    this.#options = options
    this.#socket = socket
  }

  /**
   * Launches equal machines with one request, and returns them once each is verified and logged in to. If one of
   * them fails, all of them are terminated at once. The first launch also sweeps, unless `sweep()` was called.
   *
   * @throws {BenchawayError} with the first failure
   */
  launch(options: LaunchOptions & { count: number }): Promise<Instance[]>
  launch(options: LaunchOptions & { count?: undefined }): Promise<Instance>
  launch(options: LaunchOptions): Promise<Instance | Instance[]>
  async launch(options: LaunchOptions): Promise<Instance | Instance[]> {
    this.#closing.signal.throwIfAborted()
    const resolved = resolveLaunchOptions(options)
    if (this.#swept === undefined) {
      this.sweep().catch((error: unknown) => {
        this.#options.log(`the sweep failed: ${messageOf(error)}`)
      })
    }
    const launching = this.#launch(resolved)
    this.#launching.add(launching)
    try {
      const instances = await launching
      const [first] = instances
      return options.count === undefined && first ? first : instances
    } finally {
      this.#launching.delete(launching)
    }
  }

  /** Deletes what dead and expired runs of the same owner and project left behind, and nothing else. */
  sweep(): Promise<SweepReport> {
    const listed = takeInventory(this.#clients, this.#scope)
    const swept = listed.then((items) => sweep(this.#clients, items, this.run))
    this.#listed = listed
    this.#swept = swept
    // A failure is the next launch's to try again.
    swept.catch(() => {
      this.#swept = undefined
    })
    return swept
  }

  /** What EC2 lists of this run now, asked by tag; terminated instances are nothing that is left. */
  inventory(): Promise<InventoryItem[]> {
    return takeInventory(this.#clients, this.#scope, this.run)
  }

  /**
   * Terminates every machine, deletes what is ours in the right order and asks EC2 what is left. Calling it again
   * gives the same report; after a failure, or with a longer `waitMs` when something was left, it tries again, and with
   * `waitMs: 0` it hurries one that waits.
   *
   * @throws {BenchawayError} when EC2 could not be asked; machines that were met have then been told to end over ssh,
   *   and all others end by themselves
   */
  close(options: CloseOptions = {}): Promise<CloseReport> {
    const { waitMs } = resolveCloseOptions(options)
    if (this.#closed && waitMs === 0 && !this.#gone) return this.#end(0)
    if (this.#closed && (this.#gone || waitMs <= this.#waitMs)) return this.#closed
    const closed = this.#end(waitMs).catch((error: unknown) => {
      if (this.#closed === closed) this.#closed = undefined
      throw error
    })
    this.#closed = closed
    this.#waitMs = waitMs
    return closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { left } = await this.close()
    if (left.length > 0) {
      this.#options.log(`left behind: ${left.map((item) => item.id).join(', ')}`)
    }
  }

  get #scope(): Scope {
    return { owner: this.owner, project: this.project }
  }

  #tags(): RunTags {
    const { graceMs, ttlMs } = this.#options
    // Counted from the launch, as the dead-man switch does, with room for the boot.
    return { ...this.#scope, run: this.run, expires: this.#clients.now() + graceMs + ttlMs }
  }

  async #launch(options: ResolvedLaunchOptions): Promise<Instance[]> {
    const started = performance.now()
    const { count } = options
    await this.#takeRoomFor(count)
    const failed = new AbortController()
    const signal = AbortSignal.any([
      this.#closing.signal,
      failed.signal,
      ...(options.signal ? [options.signal] : []),
    ])
    let requested = count
    let meetings: Promise<Instance>[] = []
    let ids: string[] = []
    try {
      // The fleet may have been closed while EC2 was asked which machines have ended.
      signal.throwIfAborted()
      const { launched, ...met } = await this.#request(options, signal)
      ids = launched.flatMap(({ InstanceId: id }) => id ?? [])
      this.#options.log(`EC2 launches ${ids.join(', ')}`)
      for (const id of ids) this.#alive.set(id, undefined)
      this.#requested -= requested
      requested = 0

      const answered = performance.now()
      meetings = launched.map((instance) =>
        meet(instance, {
          ...met,
          clients: this.#clients,
          requestMs: answered - started,
          answered,
          graceMs: this.#options.graceMs,
          signal,
          log: this.#options.log,
          terminate: (id) => this.#terminate([id]),
        }).then(
          (ready) => {
            if (this.#alive.has(ready.id)) this.#alive.set(ready.id, ready)
            return ready
          },
          (error: unknown) => {
            // The others are not waited for: all of them end.
            failed.abort(error)
            throw error
          },
        ),
      )
      return await Promise.all(meetings)
    } catch (error) {
      failed.abort(error)
      await this.#giveUp(ids, meetings)
      throw error
    } finally {
      this.#requested -= requested
    }
  }

  /** All that EC2 is asked before and with RunInstances. */
  async #request(options: ResolvedLaunchOptions, signal: AbortSignal) {
    const { type, count, user, volumeGib, parts, proxyJump, reconnectMs } = options
    const [hostKey, clientKey] = [generateKeyPair(), generateKeyPair()]
    const { graceMs, ttlMs } = this.#options
    const textFor = (expires: number): Uint8Array => {
      const limits = { graceMs, ttlMs, deadline: expires - graceMs }
      return userData({ hostKey, clientKey: clientKey.publicKey, limits, parts })
    }
    // What is too large is said before anything exists.
    textFor(this.#tags().expires)
    // The group does not wait for the type and the image: each costs a round trip to AWS.
    const group = this.#ownSecurityGroup()
    group.catch(() => undefined)
    const arch = await architectureOf(this.#clients, type)
    const image = await findImage(this.#clients, options.image, arch, user)
    this.#options.log(`${type} is ${arch}, image ${image.name} (${image.id}), login ${image.user}`)
    const run = async (securityGroup: string): Promise<Ec2Instance[]> => {
      // Whoever may not ask what there is could not say at the end what is left.
      await this.#listed?.catch((error: unknown) => {
        if (isDenied(error)) throw error
      })
      // The last moment at which nothing exists: after it there is something to terminate.
      signal.throwIfAborted()
      const tags = this.#tags()
      return runInstances(this.#clients, {
        type,
        count,
        image,
        volumeGib,
        securityGroup,
        hasPublicAddress: proxyJump === undefined,
        userData: textFor(tags.expires),
        tags,
        // A machine that nobody has met by then has ended.
        patienceMs: Math.min(graceMs, answerMs),
      })
    }
    const launched = await run(await group).catch(async (error: unknown) => {
      if (awsCode(error) !== 'InvalidGroup.NotFound') throw error
      // A fleet that was idle beyond its time lost its group to somebody's sweep.
      this.#securityGroup = undefined
      return run(await this.#ownSecurityGroup())
    })
    return { launched, type, arch, image, hostKey, clientKey, proxyJump, reconnectMs }
  }

  /** A failed clean-up never hides the error that came first; `close()` tries again. */
  async #giveUp(ids: readonly string[], meetings: readonly Promise<Instance>[]): Promise<void> {
    const { log } = this.#options
    const ended = await this.#terminate(ids).then(
      () => true,
      (error: unknown) => {
        log(`terminating ${ids.join(', ')} failed: ${messageOf(error)}`)
        return false
      },
    )
    const met = (await Promise.allSettled(meetings)).flatMap((one) =>
      one.status === 'fulfilled' ? one.value : [],
    )
    // Since the first contact nothing else would end them before their time is up.
    if (!ended) await Promise.allSettled(met.map((instance) => instance.powerOff()))
    for (const instance of met) instance.disconnect()
  }

  /** @throws {BenchawayError} `TOO_MANY_INSTANCES` */
  async #takeRoomFor(count: number): Promise<void> {
    const { maxInstances } = this.#options
    let ended: ReadonlySet<string> = new Set()
    const would = (): number =>
      [...this.#alive.keys()].filter((id) => !ended.has(id)).length + this.#requested + count
    if (would() > maxInstances && this.#alive.size > 0) ended = await this.#ended()
    // From here to the request that counts nothing is awaited: others launch at the same time.
    if (would() <= maxInstances) {
      this.#requested += count
      return
    }
    throw new BenchawayError(
      'TOO_MANY_INSTANCES',
      `${count} more would make ${would()} machines, and maxInstances is ${maxInstances}`,
      { hint: 'Set the option `maxInstances` if you mean it.' },
    )
  }

  /** Machines that ended without us: their time was up, or somebody powered them off. */
  async #ended(): Promise<Set<string>> {
    // EC2 takes no more values in one filter; the oldest are the likeliest to have ended.
    const ids = [...this.#alive.keys()].slice(0, 200)
    const found = await describeInstances(this.#clients, {
      filters: [{ Name: 'instance-id', Values: ids }],
    })
    const states = new Map(found.map((instance) => [instance.InstanceId, hasEnded(instance)]))
    // EC2 forgets one an hour after its end, and may not know yet one that nobody has met.
    return new Set(ids.filter((id) => states.get(id) ?? this.#alive.get(id) !== undefined))
  }

  #ownSecurityGroup(): Promise<string> {
    if (this.#securityGroup) return this.#securityGroup
    const group = ingressCidrs(this.#clients, this.#options.ingress).then((cidrs) =>
      createSecurityGroup(this.#clients, this.#tags(), cidrs),
    )
    this.#securityGroup = group
    group.then(
      (id) => this.#options.log(`security group ${id}`),
      // A failure is the next launch's to try again.
      () => {
        this.#securityGroup = undefined
      },
    )
    return group
  }

  async #terminate(ids: readonly string[]): Promise<void> {
    const unknown = await terminateInstances(this.#clients, ids, unknownMs)
    this.#options.log(`EC2 ends ${ids.join(', ')}`)
    for (const id of ids) if (!unknown.includes(id)) this.#alive.delete(id)
  }

  async #end(waitMs: number): Promise<CloseReport> {
    const started = performance.now()
    const { log } = this.#options
    const closed = new BenchawayError('FLEET_CLOSED', `the fleet of run ${this.run} is closed`)
    this.#closing.abort(closed)
    let told: Promise<unknown> | undefined
    const powerOff = (): Promise<unknown> =>
      (told ??= Promise.allSettled(this.#met().map((instance) => instance.powerOff())))
    // In a hurry nobody waits to hear whether EC2 answers at all.
    if (waitMs === 0) void powerOff()
    // Launches that are under way may take minutes to end; what lives already costs money.
    const early = [...this.#alive.keys()]
    const ordered = endMachines(this.#clients, early, { waitMs, log })
    ordered.catch(powerOff)
    const group = (this.#securityGroup ?? Promise.resolve(undefined)).catch(() => undefined)
    try {
      // What is being launched would otherwise appear after the inventory. In a hurry a late one is the dead-man's.
      await Promise.race([
        Promise.allSettled([...this.#launching, group]),
        sleep(waitMs === 0 ? 500 : unknownMs, undefined, { ref: false }),
      ])
      const late = [...this.#alive.keys()].filter((id) => !early.includes(id))
      await Promise.all([ordered, endMachines(this.#clients, late, { waitMs, log })])
      const left = await endRun(this.#clients, {
        scope: this.#scope,
        run: this.run,
        group,
        waitMs,
        log,
      })
      // Otherwise the socket dies with this process, which proves to the next sweep that what is left may go.
      if (left.length === 0) {
        this.#gone = true
        await this.#socket.close()
        this.#clients.close()
      }
      return { left, durationMs: performance.now() - started }
    } catch (error) {
      await powerOff()
      throw error
    } finally {
      for (const instance of this.#met()) instance.disconnect()
    }
  }

  #met(): Instance[] {
    return [...this.#alive.values()].flatMap((instance) => instance ?? [])
  }
}

/**
 * Opens a fleet: finds out who is calling and where, and proves to other runs on this computer that this one is alive.
 * Nothing is created in the account before the first `launch()`.
 *
 * @throws {BenchawayError} `OPTION_INVALID`, also when a variable `AWS_ENDPOINT_URL…` or the AWS profile leads
 *   elsewhere than to AWS; `REGION_MISSING`, `CREDENTIALS_MISSING`, `CREDENTIALS_REFUSED`, `PERMISSION_DENIED`,
 *   `ENDPOINT_UNREACHABLE`, `AWS_REFUSED`, `OWNER_SOCKET_FAILED`
 */
export async function openFleet(options: FleetOptions): Promise<Fleet> {
  const resolved = resolveFleetOptions(options)
  const clients = await openClients(resolved.target, resolved.region)
  try {
    const identity = await identify(clients)
    const run = makeRunId(clients.now())
    const socket = await holdOwnerSocket(run)
    return new Fleet(clients, identity, resolved, run, socket)
  } catch (error) {
    clients.close()
    throw error
  }
}
