import { setTimeout as sleep } from 'node:timers/promises'

import type { Instance as Ec2Instance } from '@aws-sdk/client-ec2'

import { endNow, firstContact } from './boot/dead-man.ts'
import { userData } from './boot/user-data.ts'
import { type Clients, openClients } from './ec2/clients.ts'
import { endRun } from './ec2/end-run.ts'
import { type Identity, identify } from './ec2/identity.ts'
import { findImage, type FoundImage } from './ec2/image.ts'
import { ingressCidrs } from './ec2/ingress.ts'
import { architectureOf, type Arch } from './ec2/instance-type.ts'
import { type InventoryItem, takeInventory } from './ec2/inventory.ts'
import { addressed, runInstances, watchForEnd } from './ec2/launch.ts'
import { createSecurityGroup } from './ec2/security-group.ts'
import { sweep, type SweepReport } from './ec2/sweep.ts'
import type { RunTags, Scope } from './ec2/tags.ts'
import { terminateInstances } from './ec2/terminate.ts'
import { BenchawayError, messageOf } from './errors.ts'
import { Instance, sshTarget } from './instance.ts'
import { privateText } from './keys/openssh.ts'
import { generateKeyPair, type KeyPair } from './keys/pair.ts'
import { holdOwnerSocket, type OwnerSocket } from './lease/owner-socket.ts'
import { makeRunId } from './lease/run-id.ts'
import {
  type FleetOptions,
  type LaunchOptions,
  type ResolvedFleetOptions,
  type ResolvedLaunchOptions,
  resolveFleetOptions,
  resolveLaunchOptions,
} from './options.ts'
import { CommandError } from './ssh/command.ts'
import { type Connection, connect } from './ssh/connection.ts'

export interface CloseOptions {
  /**
   * How long to wait for EC2 to take everything apart, in milliseconds. 0 orders the end of every machine and returns:
   * for when a signal leaves two seconds.
   * @default 180_000
   */
  waitMs?: number | undefined
}

export interface CloseReport {
  /** What EC2 still lists of this run; empty when nothing is left. */
  readonly left: readonly InventoryItem[]
  readonly durationMs: number
}

/** The tag that local-ec2 puts on a machine whose sshd is not on port 22, which EC2's API cannot say. */
const portTag = 'local-ec2:ssh-port'

/** Everything that one run owns. */
export class Fleet implements AsyncDisposable {
  /** `user/NAME` or `role/ROLE`, as AWS knows the caller. */
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
  readonly #alive = new Map<string, Instance | undefined>()
  readonly #launching = new Set<Promise<unknown>>()
  #starting = 0
  #securityGroup: Promise<string> | undefined
  #closed: Promise<CloseReport> | undefined

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
   * them fails, all of them are terminated.
   *
   * @throws {BenchawayError} with the first failure
   */
  launch(options: LaunchOptions & { count: number }): Promise<Instance[]>
  launch(options: LaunchOptions & { count?: undefined }): Promise<Instance>
  async launch(options: LaunchOptions): Promise<Instance | Instance[]> {
    this.#assertOpen()
    const resolved = resolveLaunchOptions(options)
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
    return sweep(this.#clients, this.#scope, this.run)
  }

  /** What EC2 lists of this run now, asked by tag; terminated instances are nothing that is left. */
  inventory(): Promise<InventoryItem[]> {
    return takeInventory(this.#clients, this.#scope, this.run)
  }

  /**
   * Terminates every machine, deletes what is ours in the right order and asks EC2 what is left. Safe to call twice;
   * a second call with `waitMs: 0` hurries a first one that waits.
   *
   * @throws {BenchawayError} when EC2 could not be asked; the machines then end by themselves
   */
  close(options: CloseOptions = {}): Promise<CloseReport> {
    const { waitMs = 180_000 } = options
    if (this.#closed && waitMs === 0) return this.#end(0)
    this.#closed ??= this.#end(waitMs)
    return this.#closed
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

  #assertOpen(): void {
    if (this.#closed === undefined) return
    throw new BenchawayError('FLEET_CLOSED', `the fleet of run ${this.run} is closed`)
  }

  #tags(): RunTags {
    const { graceMs, ttlMs } = this.#options
    // Counted from the launch, as the dead-man switch does, with room for the boot.
    return { ...this.#scope, run: this.run, expires: this.#clients.now() + graceMs + ttlMs }
  }

  async #launch(options: ResolvedLaunchOptions): Promise<Instance[]> {
    const { type, count, signal } = options
    const { maxInstances, log } = this.#options
    if (this.#alive.size + this.#starting + count > maxInstances) {
      throw new BenchawayError(
        'TOO_MANY_INSTANCES',
        `${count} more would make ${this.#alive.size + this.#starting + count} machines, and maxInstances is ${maxInstances}`,
        { hint: 'Set the option `maxInstances` if you mean it.' },
      )
    }
    this.#starting += count
    const hostKey = generateKeyPair()
    const clientKey = generateKeyPair()
    const started = performance.now()
    let launched: Ec2Instance[] = []
    try {
      // The group does not wait for the type and the image: each costs a round trip to AWS.
      const group = this.#ownSecurityGroup()
      group.catch(() => undefined)
      const arch = await architectureOf(this.#clients, type)
      const image = await findImage(this.#clients, options.image, arch, options.user)
      const tags = this.#tags()
      const { graceMs, ttlMs } = this.#options
      const limits = { graceMs, ttlMs, deadline: tags.expires }
      launched = await runInstances(this.#clients, {
        type,
        count,
        image,
        volumeGib: options.volumeGib,
        securityGroup: await group,
        userData: userData({ hostKey, clientKey: clientKey.publicKey, limits }),
        tags,
      })
      const answered = performance.now()
      for (const { InstanceId: id } of launched)
        if (id !== undefined) this.#alive.set(id, undefined)
      const until = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])])
      const meeting = launched.map((instance) =>
        this.#meet(instance, {
          type,
          arch,
          image,
          hostKey,
          clientKey,
          requestMs: answered - started,
          answered,
          signal: until,
        }),
      )
      const met = await Promise.allSettled(meeting)
      for (const one of met) if (one.status === 'rejected') throw one.reason
      return await Promise.all(meeting)
    } catch (error) {
      const ids = launched.flatMap(({ InstanceId: id }) => id ?? [])
      // A failed clean-up never hides the error that came first; `close()` tries again by tag.
      await this.#terminate(ids).catch((again: unknown) => {
        log(`terminating ${ids.join(', ')} failed: ${messageOf(again)}`)
      })
      throw error
    } finally {
      this.#starting -= count
    }
  }

  async #meet(launched: Ec2Instance, plan: MeetingPlan): Promise<Instance> {
    const { type, arch, image, hostKey, clientKey, requestMs, answered, signal } = plan
    const id = launched.InstanceId ?? ''
    const { graceMs, log } = this.#options
    const instance = await addressed(this.#clients, id, { timeoutMs: graceMs, signal })
    const bootMs = performance.now() - answered
    const port = instance.Tags?.find((tag) => tag.Key === portTag)?.Value
    const access = {
      id,
      type,
      arch,
      image: image.name,
      privateIp: instance.PrivateIpAddress ?? '',
      publicIp: instance.PublicIpAddress ?? '',
      port: this.target === 'local' && port !== undefined ? Number(port) : 22,
      user: image.user,
      hostKey: Buffer.from(hostKey.publicKey).toString('base64'),
      clientKey: privateText(clientKey, 'benchaway'),
    }
    log(`${type} ${id} runs at ${access.publicIp} after ${seconds(bootMs)}`)

    const met = new AbortController()
    const watch = watchForEnd(this.#clients, id, met.signal)
    let connection: Connection
    try {
      const connecting = connect(
        sshTarget({ ...access, timing: { requestMs, bootMs, connectMs: 0 } }),
        {
          timeoutMs: graceMs,
          signal: AbortSignal.any([signal, met.signal]),
        },
      )
      connecting.catch(() => undefined)
      // A machine that ended will never answer: its end is known long before the deadline.
      const ended = watch.then(() => connecting)
      connection = await Promise.race([connecting, ended])
    } finally {
      met.abort()
      watch.catch(() => undefined)
    }
    const connectMs = performance.now() - answered - bootMs
    const ready = new Instance(
      { ...access, timing: { requestMs, bootMs, connectMs } },
      connection,
      () => this.#terminate([id]),
    )
    try {
      await ready.exec(firstContact, { timeoutMs: 20_000, signal })
    } catch (error) {
      ready.disconnect()
      if (!(error instanceof CommandError) || error.code === 'CONNECTION_LOST') throw error
      throw new BenchawayError(
        'DEAD_MAN_MISSING',
        `${id} runs without its dead-man switch, so it would not end by itself`,
        {
          hint: `Use an image with cloud-init and bash; ${image.name} seems to lack one.`,
          cause: error,
        },
      )
    }
    this.#alive.set(id, ready)
    log(`${type} ${id} verified and logged in to after ${seconds(bootMs + connectMs)}`)
    return ready
  }

  #ownSecurityGroup(): Promise<string> {
    this.#securityGroup ??= ingressCidrs(this.#clients, this.#options.ingress).then((cidrs) =>
      createSecurityGroup(this.#clients, this.#tags(), cidrs),
    )
    // A failure is the next launch's to try again.
    this.#securityGroup.catch(() => {
      this.#securityGroup = undefined
    })
    return this.#securityGroup
  }

  async #terminate(ids: readonly string[]): Promise<void> {
    await terminateInstances(this.#clients, ids)
    for (const id of ids) this.#alive.delete(id)
  }

  async #end(waitMs: number): Promise<CloseReport> {
    const started = performance.now()
    this.#closing.abort(
      new BenchawayError('FLEET_CLOSED', `the fleet of run ${this.run} is closed`),
    )
    const known = [...this.#alive]
    try {
      // What is being launched would otherwise appear after the inventory. In a hurry a late one is the dead-man's.
      await Promise.race([
        Promise.allSettled(this.#launching),
        sleep(waitMs === 0 ? 500 : 60_000, undefined, { ref: false }),
      ])
      const left = await endRun(this.#clients, {
        scope: this.#scope,
        run: this.run,
        known: known.map(([id]) => id),
        waitMs,
        log: this.#options.log,
      })
      // Otherwise the socket dies with this process, which proves to the next sweep that what is left may go.
      if (left.length === 0) await this.#socket.close()
      return { left, durationMs: performance.now() - started }
    } catch (error) {
      // Without AWS, as with expired credentials, a machine still takes our word over ssh.
      const reachable = known.flatMap(([, instance]) => instance ?? [])
      await Promise.allSettled(
        reachable.map((instance) => instance.exec(endNow, { timeoutMs: 2000 })),
      )
      throw error
    } finally {
      for (const [, instance] of known) instance?.disconnect()
      this.#clients.close()
    }
  }
}

interface MeetingPlan {
  readonly type: string
  readonly arch: Arch
  readonly image: FoundImage
  readonly hostKey: KeyPair
  readonly clientKey: KeyPair
  readonly requestMs: number
  /** When EC2 answered RunInstances. */
  readonly answered: number
  readonly signal: AbortSignal
}

/**
 * Opens a fleet: finds out who is calling and where, and proves to other runs on this computer that this one is alive.
 * Nothing is created in the account before the first `launch()`.
 *
 * @throws {BenchawayError} `OPTION_INVALID`, `REGION_MISSING`, `CREDENTIALS_MISSING`, `ENDPOINT_UNREACHABLE`
 */
export async function openFleet(options: FleetOptions): Promise<Fleet> {
  const resolved = resolveFleetOptions(options)
  const clients = await openClients(resolved.target, resolved.region)
  try {
    const identity = await identify(clients)
    const run = makeRunId()
    const socket = await holdOwnerSocket(run)
    return new Fleet(clients, identity, resolved, run, socket)
  } catch (error) {
    clients.close()
    throw error
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
