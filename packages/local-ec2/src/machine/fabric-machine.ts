/** One machine, as the endpoint's process knows it: what was ordered of the fabric, and what that has told. */
import { LocalEc2Error } from '../errors.ts'
import { type BootPlan, planBoot } from './boot/boot-plan.ts'
import { bootScript } from './boot/boot-script.ts'
import { stages } from './boot/stages.ts'
import { parseUserData } from './boot/user-data.ts'
import type { Fabric } from './fabric.ts'
import type { BootOrder, Knowledge, ToFabric } from './fabric/protocol.ts'
import { areAny, needRelay } from './link.ts'
import type {
  LinkConditions,
  Machine,
  MachineEnd,
  MachineFacts,
  MachineRequest,
  MachineTrouble,
  Power,
} from './machine.ts'
import type { Reach } from './reach.ts'
import { prepareImage } from './rootfs.ts'

const consoleLimit = 64 * 1024

/** How long a machine may take to shut itself down. */
const patienceMs = 30_000

interface Surroundings {
  fabric: Fabric
  reach: Reach
  /** What boots it, where its files are an image's. */
  bootsBy?: 'cloud-init' | 'systemd'
  /** How a machine ended whose fabric is gone. */
  endOfAll: () => MachineEnd
  /** Aborted when no machine will be booted any more. */
  ending: AbortSignal
  discard: () => void
}

/** One time of being powered. */
interface Session {
  publicIp: string
  running: PromiseWithResolvers<void>
  off: PromiseWithResolvers<MachineEnd>
  /** Settles when the fabric was told to boot it: whatever else it is told comes after. */
  ordered: Promise<void>
  /** Aborted when it shall not be booted any more, which ends what is being prepared for that. */
  unplugged: AbortController
  /** What the fabric has not answered yet. */
  questions: Map<number, PromiseWithResolvers<void>>
  isPublic: boolean
  /** Whether its init has run. */
  isUp: boolean
  /** Why it is being ended, when that is our own doing. */
  failure?: MachineEnd
}

let questionCount = 0

export class FabricMachine implements Machine {
  readonly privateIp: string
  readonly sshPort: number
  readonly #request: MachineRequest
  readonly #surroundings: Surroundings
  readonly #hostname: string
  #console = ''
  #session: Session | undefined

  constructor(request: MachineRequest, privateIp: string, surroundings: Surroundings) {
    this.privateIp = privateIp
    this.sshPort = surroundings.reach.sshPort
    this.#request = request
    this.#surroundings = surroundings
    this.#hostname = request.hostname ?? `ip-${privateIp.replaceAll('.', '-')}`
  }

  boot(facts: MachineFacts): Power {
    if (this.#session !== undefined) throw new Error(`${this.#request.instanceId} is not off`)
    const { reach, endOfAll } = this.#surroundings
    const session: Session = {
      publicIp: reach.addresses.take(),
      running: Promise.withResolvers(),
      off: Promise.withResolvers(),
      ordered: Promise.resolve(),
      unplugged: new AbortController(),
      questions: new Map(),
      isPublic: facts.hasPublicIp ?? true,
      isUp: false,
    }
    this.#session = session
    session.ordered = this.#order(facts, session).then(
      (order) => {
        if (!this.#tell({ type: 'boot', order })) this.isOff(endOfAll())
      },
      (error: unknown) => {
        if (this.#surroundings.ending.aborted) this.isOff(endOfAll())
        else if (session.unplugged.signal.aborted) this.isOff({ reason: 'unplugged' })
        else this.isOff({ reason: 'failed', detail: detailOf(error) })
      },
    )
    return {
      publicIp: session.publicIp,
      running: session.running.promise,
      off: session.off.promise,
    }
  }

  async powerOff(): Promise<void> {
    const session = this.#session
    if (session === undefined) return
    session.unplugged.abort(new Error('the machine is powered off'))
    // A plug can only be pulled once it is in.
    await session.ordered
    if (session === this.#session) this.#tell({ type: 'off', id: this.#request.instanceId })
    await session.off.promise
  }

  async shutDown(): Promise<void> {
    const session = this.#session
    if (session === undefined) return
    if (session.isUp) this.#afterBoot({ type: 'shut-down', id: this.#request.instanceId })
    else void this.powerOff()
    const timer = setTimeout(() => {
      // One that was booted again meanwhile has nothing to do with this.
      if (session === this.#session) void this.powerOff()
    }, patienceMs)
    await session.off.promise
    clearTimeout(timer)
  }

  reboot(): void {
    this.#afterBoot({ type: 'reboot', id: this.#request.instanceId })
  }

  learn(facts: MachineFacts): void {
    if (this.#session === undefined) return
    const knowledge = this.#knowledge(facts, this.#session.publicIp)
    this.#afterBoot({ type: 'learn', knowledge })
  }

  async trouble(what: MachineTrouble): Promise<void> {
    const session = this.#session
    if (session === undefined) return
    await Promise.race([session.running.promise, session.off.promise])
    if (session !== this.#session) return
    await this.#ask(session, (number) => ({
      type: 'trouble',
      id: this.#request.instanceId,
      what,
      number,
    }))
  }

  async link(conditions: LinkConditions): Promise<void> {
    const session = this.#session
    if (session === undefined) return
    const given = areAny(conditions) ? conditions : undefined
    if (given !== undefined) needRelay()
    try {
      await this.#ask(session, (number) => ({
        type: 'link',
        id: this.#request.instanceId,
        conditions: given,
        number,
      }))
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new LocalEc2Error('MACHINE_UNAVAILABLE', `a link cannot have conditions: ${why}`, {
        cause,
      })
    }
  }

  /** Resolves when the fabric has done it, or the machine is off. */
  async #ask(session: Session, message: (number: number) => ToFabric): Promise<void> {
    const number = ++questionCount
    const done = Promise.withResolvers<void>()
    session.questions.set(number, done)
    this.#afterBoot(message(number))
    await done.promise
  }

  /** Resolves when nothing is being prepared for its boot. */
  async settled(): Promise<void> {
    await this.#session?.ordered
  }

  console(): string {
    return this.#console
  }

  discard(): void {
    if (this.#session !== undefined) throw new Error(`${this.#request.instanceId} is not off`)
    this.#tell({ type: 'discard', id: this.#request.instanceId })
    this.#surroundings.discard()
  }

  hasWritten(text: string): void {
    this.#console = (this.#console + text).slice(-consoleLimit)
  }

  isRunning(): void {
    const session = this.#session
    // A reboot says so, too.
    if (session === undefined || session.isUp) return
    session.isUp = true
    const { publicIp, running } = session
    const isReachable = session.isPublic
      ? this.#surroundings.reach.open(publicIp, this.privateIp)
      : Promise.resolve()
    isReachable.then(running.resolve, (error: unknown) => {
      session.failure = { reason: 'failed', detail: String(error) }
      this.#tell({ type: 'off', id: this.#request.instanceId })
    })
  }

  isOff(end: MachineEnd): void {
    const session = this.#session
    if (session === undefined) return
    this.#session = undefined
    const { reach } = this.#surroundings
    reach.close(session.publicIp)
    reach.addresses.give(session.publicIp)
    for (const done of session.questions.values()) done.resolve()
    session.off.resolve(session.failure ?? end)
  }

  isAnswered(number: number, failure: string | undefined): void {
    const done = this.#session?.questions.get(number)
    if (failure === undefined) done?.resolve()
    else done?.reject(new Error(failure))
    this.#session?.questions.delete(number)
  }

  #afterBoot(message: ToFabric): void {
    const session = this.#session
    void session?.ordered.then(() => {
      if (session === this.#session) this.#tell(message)
    })
  }

  #tell(message: ToFabric): boolean {
    return this.#surroundings.fabric.tell(message)
  }

  async #order(facts: MachineFacts, session: Session): Promise<BootOrder> {
    const { publicIp, isPublic, unplugged } = session
    const { instanceId, defaultUser, diskGib = 8, troubles = {} } = this.#request
    const { neverBoots = false, bootDelayMs = 0 } = troubles
    const knowledge = this.#knowledge(facts, publicIp)
    const publicKeys = facts.keyPairs.map(({ publicKey }) => publicKey.trim())
    const plan = planBoot(await parseUserData(facts.userData), publicKeys)
    return {
      id: instanceId,
      // Not even an image's cloud-init may change it from inside.
      hostname: plan.hostname ?? this.#hostname,
      defaultUser,
      address: this.privateIp,
      ...(isPublic && this.#surroundings.reach.routed && { routedAddress: publicIp }),
      diskBytes: diskGib * 2 ** 30,
      ...(await this.#boots(plan, unplugged.signal)),
      delayMs: neverBoots ? 'never' : bootDelayMs,
      knowledge,
    }
  }

  async #boots(
    plan: BootPlan,
    unplugged: AbortSignal,
  ): Promise<Pick<BootOrder, 'image' | 'script' | 'payloads'>> {
    const { instanceId, defaultUser, system = 'debian-12', troubles = {} } = this.#request
    const { wrongHostKey = false } = troubles
    const { bootsBy } = this.#surroundings
    if (bootsBy === undefined) {
      return bootScript(plan, { instanceId, defaultUser, wrongHostKey })
    }
    const given = AbortSignal.any([this.#surroundings.ending, unplugged])
    return {
      image: { root: await prepareImage(system, given), wrongHostKey },
      script: bootsBy === 'cloud-init' ? stages(wrongHostKey) : '',
      payloads: [],
    }
  }

  /** What crosses to the fabric: of objects that may be much more only what is named here. */
  #knowledge(facts: MachineFacts, publicIp: string): Knowledge {
    const { zone, vpc, subnet, securityGroups, keyPairs, tags, metadata } = facts
    return {
      instanceId: this.#request.instanceId,
      hostname: this.#hostname,
      privateIp: this.privateIp,
      publicIp: (facts.hasPublicIp ?? true) ? publicIp : undefined,
      facts: {
        ...facts,
        zone: { name: zone.name, id: zone.id },
        vpc: { id: vpc.id, cidr: vpc.cidr },
        subnet: { id: subnet.id, cidr: subnet.cidr },
        securityGroups: securityGroups.map(({ id, name }) => ({ id, name })),
        keyPairs: keyPairs.map(({ name, publicKey }) => ({ name, publicKey })),
        tags: new Map(tags),
        metadata: { ...metadata },
      },
    }
  }
}

/** With the hint, which nobody else would tell. */
function detailOf(error: unknown): string {
  const hint = error instanceof LocalEc2Error ? error.hint : undefined
  return hint === undefined ? String(error) : `${String(error)}\n${hint}`
}
