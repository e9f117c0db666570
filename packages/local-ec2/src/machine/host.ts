/** Machines that really boot: one fabric process, and the way from this computer to each of them. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

import { AddressPool } from './addresses.ts'
import { guestDirectory } from './asset.ts'
import { FabricMachine } from './fabric-machine.ts'
import { Fabric } from './fabric.ts'
import type { FromFabric } from './fabric/protocol.ts'
import type { Machine, MachineEnd, MachineHost, MachineKind, MachineRequest } from './machine.ts'
import { openNoneHost } from './none.ts'
import { chooseKind } from './probe.ts'
import { type Reach, openRelay, openUplink } from './reach.ts'
import { prepareRootfs } from './rootfs.ts'
import { unreadable } from './secrets.ts'

/**
 * Prepares this computer for machines of `kind`; `auto` is `container` as root and `rootless` otherwise.
 *
 * The first `rootless` host of a user builds a Debian root file system, which takes half a minute.
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
  readonly #fabric: Fabric
  readonly #reach: Reach
  readonly #privateIps: AddressPool
  readonly #machines: Map<string, FabricMachine>
  #closing: Promise<void> | undefined

  private constructor(
    kind: MachineKind,
    fabric: Fabric,
    reach: Reach,
    machines: Map<string, FabricMachine>,
  ) {
    this.kind = kind
    this.#fabric = fabric
    this.#reach = reach
    this.#machines = machines
    this.cidr = reach.cidr
    this.#privateIps = new AddressPool(reach.cidr)
    const user = kind === 'rootless' ? 'a user namespace without privileges here' : 'real root'
    this.isolation =
      `runc containers: ${user}, 12 capabilities, a seccomp filter, own files but for /usr and /etc, ` +
      `no route but to each other${reach.guarded ? '' : ' and to this computer'}`
    void fabric.gone.then(() => this.#allOff())
  }

  static async open(kind: 'container' | 'rootless'): Promise<BootingHost> {
    const machines = new Map<string, FabricMachine>()
    const onMessage = (message: FromFabric): void => hear(machines, message)
    const plan = { rootless: kind === 'rootless', guest: guestDirectory }
    const hide = [homedir(), ...workplaces(process.cwd())]
    if (kind === 'container') {
      // Looked for while the fabric starts.
      const found = unreadable(['/etc', '/usr/local'])
      // Told by whoever waits for it, if the fabric starts at all.
      found.catch(() => {})
      const { fabric, reach } = await openUplink((wire) =>
        Fabric.start({ ...plan, base: '/' }, onMessage, async (pid) => {
          const [secrets, wiring] = await Promise.all([found, wire(pid)])
          return { hide: [...hide, ...secrets], wiring }
        }),
      )
      return new BootingHost(kind, fabric, reach, machines)
    }
    // A root file system that we built ourselves holds nobody's secrets.
    const base = await prepareRootfs()
    const { fabric, reach } = await openRelay((wiring) =>
      Fabric.start({ ...plan, base }, onMessage, async () => ({ hide, wiring })),
    )
    return new BootingHost(kind, fabric, reach, machines)
  }

  create(request: MachineRequest, range?: { cidr: string }): Machine {
    const { instanceId: id } = request
    const privateIp = this.#privateIps.take(range?.cidr)
    const machine = new FabricMachine(request, privateIp, {
      fabric: this.#fabric,
      reach: this.#reach,
      endOfAll: () => this.#endOfAll(),
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
    // Nothing in a machine is worth waiting for: all of them end with the fabric.
    await this.#fabric.close()
    await this.#reach.closeAll()
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

/** A folder and the work tree around it. */
function workplaces(folder: string): string[] {
  for (let above = folder; ; above = dirname(above)) {
    if (existsSync(join(above, '.git'))) return [folder, above]
    if (above === dirname(above)) return [folder]
  }
}

function hear(machines: ReadonlyMap<string, FabricMachine>, message: FromFabric): void {
  if (message.type === 'hello' || message.type === 'ready' || message.type === 'failed') return
  if (message.type === 'troubled') {
    for (const machine of machines.values()) machine.isTroubled(message.number, message.failure)
    return
  }
  const machine = machines.get(message.id)
  if (message.type === 'running') machine?.isRunning()
  else if (message.type === 'off') machine?.isOff(message.end)
  else machine?.hasWritten(message.text)
}
