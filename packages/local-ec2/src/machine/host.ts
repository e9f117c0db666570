/** Machines that really boot: one fabric process, and the way from this computer to each of them. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

import { AddressPool } from './addresses.ts'
import { guestDirectory, relayProgram } from './asset.ts'
import { type Cgroup, makeCgroup } from './cgroup.ts'
import { FabricMachine } from './fabric-machine.ts'
import { Fabric } from './fabric.ts'
import type { FabricPlan, FromFabric, Preparation } from './fabric/protocol.ts'
import {
  imageSystems,
  type ImageSystem,
  type Machine,
  type MachineEnd,
  type MachineHost,
  type MachineKind,
  type MachineRequest,
} from './machine.ts'
import { openNoneHost } from './none.ts'
import { chooseKind } from './probe.ts'
import { type Reach, openRelay, openUplink } from './reach.ts'
import { prepareRootfs } from './rootfs.ts'
import { unreadable } from './secrets.ts'

/**
 * Prepares this computer for machines of `kind`; `auto` is `container` as root and `rootless` otherwise.
 *
 * The first `rootless` host of a user builds a Debian root file system, which takes about a minute. The kinds that boot
 * images build each when it is first launched, which takes about as long.
 *
 * @throws {LocalEc2Error} `MACHINE_UNAVAILABLE`, `SSHD_MISSING`, `ROOTFS_FAILED`, `FABRIC_FAILED`
 */
export async function openMachineHost(kind: MachineKind | 'auto'): Promise<MachineHost> {
  if (kind === 'none') return openNoneHost()
  return BootingHost.open(chooseKind(kind))
}

class BootingHost implements MachineHost {
  readonly kind: MachineKind
  readonly cidr: string
  readonly isolation: string
  readonly systems?: readonly ImageSystem[]
  readonly #fabric: Fabric
  readonly #reach: Reach
  readonly #cgroup: Cgroup | undefined
  readonly #privateIps: AddressPool
  readonly #machines: Map<string, FabricMachine>
  readonly #ending = new AbortController()
  #closing: Promise<void> | undefined

  private constructor(
    kind: MachineKind,
    { fabric, reach }: { fabric: Fabric; reach: Reach },
    machines: Map<string, FabricMachine>,
    cgroup?: Cgroup,
  ) {
    this.kind = kind
    this.#fabric = fabric
    this.#reach = reach
    this.#cgroup = cgroup
    this.#machines = machines
    this.cidr = reach.cidr
    if (bootsImages(kind)) this.systems = imageSystems
    this.#privateIps = new AddressPool(reach.cidr)
    const files = bootsImages(kind) ? 'an image for files' : 'own files but for /usr and /etc'
    this.isolation =
      `runc containers: ${userOf(kind)}, ${capabilityCount[kind]} capabilities, a seccomp filter, ${files}, ` +
      `no route but to each other${reach.guarded ? '' : leaksOf(kind, reach)}`
    void fabric.gone.then(() => this.#allOff())
  }

  static async open(kind: BootingKind): Promise<BootingHost> {
    const machines = new Map<string, FabricMachine>()
    const plan: FabricPlan = {
      init: kind === 'cloud-init' || kind === 'systemd' ? kind : 'own',
      rootless: kind !== 'container',
      guest: guestDirectory,
      relay: relayProgram,
      ...(kind === 'container' && { base: '/' }),
      // A root file system that we built ourselves holds nobody's secrets.
      ...(kind === 'rootless' && { base: await prepareRootfs() }),
    }
    const hide = [homedir(), ...workplaces(process.cwd())]
    // Looked for while the fabric starts.
    const found = kind === 'container' ? unreadable(['/etc', '/usr/local']) : Promise.resolve([])
    // Told by whoever waits for it, if the fabric starts at all.
    found.catch(() => {})
    const cgroup = kind === 'systemd' ? makeCgroup() : undefined
    const start = (prepare: (pid: number) => Promise<Preparation['wiring']>): Promise<Fabric> =>
      Fabric.start(
        plan,
        (message) => hear(machines, message),
        async (pid) => {
          const [secrets, wiring] = await Promise.all([found, prepare(pid)])
          return { hide: [...hide, ...secrets], wiring }
        },
        cgroup?.within,
      )
    try {
      const isRoot = process.getuid?.() === 0
      const way = isRoot && kind !== 'rootless' ? await openUplink(start) : await openRelay(start)
      return new BootingHost(kind, way, machines, cgroup)
    } catch (error) {
      await cgroup?.remove()
      throw error
    }
  }

  create(request: MachineRequest, range?: { cidr: string }): Machine {
    const { instanceId: id } = request
    const privateIp = this.#privateIps.take(range?.cidr)
    const machine = new FabricMachine(request, privateIp, {
      fabric: this.#fabric,
      reach: this.#reach,
      ...(bootsImages(this.kind) && { bootsBy: this.kind }),
      endOfAll: () => this.#endOfAll(),
      ending: this.#ending.signal,
      discard: () => {
        this.#machines.delete(id)
        this.#privateIps.give(privateIp)
      },
    })
    this.#machines.set(id, machine)
    return machine
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // An image that is being built for a launch is given up, and its half removed.
    this.#ending.abort(new Error('the endpoint is closing'))
    await Promise.all(Array.from(this.#machines.values(), (machine) => machine.settled()))
    // Nothing in a machine is worth waiting for: all of them end with the fabric.
    await this.#fabric.close()
    await this.#reach.closeAll()
    await this.#cgroup?.remove()
    this.#allOff()
  }

  #allOff(): void {
    for (const machine of this.#machines.values()) machine.isOff(this.#endOfAll())
  }

  #endOfAll(): MachineEnd {
    if (this.#closing !== undefined) return { reason: 'unplugged' }
    return { reason: 'failed', detail: "the machines' process is gone" }
  }
}

type BootingKind = Exclude<MachineKind, 'none'>

const bootsImages = (kind: MachineKind): kind is 'cloud-init' | 'systemd' =>
  kind === 'cloud-init' || kind === 'systemd'

function userOf(kind: MachineKind): string {
  if (kind === 'container') return 'real root'
  // The same number, to which files here may belong; what root may do besides is not his there.
  const isRoot = process.getuid?.() === 0
  return isRoot
    ? 'root of a user namespace, as root here but without privileges'
    : 'a user namespace without privileges here'
}

const capabilityCount = { container: 12, rootless: 12, 'cloud-init': 13, systemd: 14, none: 0 }

/** What machines may do where the kernel cannot filter what they send. */
const leaksOf = (kind: MachineKind, { routed }: Reach): string =>
  `${bootsImages(kind) ? ', under any address,' : ''}${routed ? ' and to this computer' : ''}`

/** A folder and the work tree around it. */
function workplaces(folder: string): string[] {
  for (let above = folder; ; above = dirname(above)) {
    if (existsSync(join(above, '.git'))) return [folder, above]
    if (above === dirname(above)) return [folder]
  }
}

function hear(machines: ReadonlyMap<string, FabricMachine>, message: FromFabric): void {
  if (message.type === 'hello' || message.type === 'ready' || message.type === 'failed') return
  if (message.type === 'answered') {
    for (const machine of machines.values()) machine.isAnswered(message.number, message.failure)
    return
  }
  const machine = machines.get(message.id)
  if (message.type === 'running') machine?.isRunning()
  else if (message.type === 'off') machine?.isOff(message.end)
  else machine?.hasWritten(message.text)
}
