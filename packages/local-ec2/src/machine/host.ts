/** Machines that really boot: one fabric process, and the way from this computer to each of them. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

import { Addresses } from './addresses.ts'
import { guestDirectory } from './asset.ts'
import { planBoot } from './boot/boot-plan.ts'
import { bootScript } from './boot/boot-script.ts'
import { parseUserData } from './boot/user-data.ts'
import { Fabric } from './fabric.ts'
import type { BootOrder, FromFabric } from './fabric/protocol.ts'
import type {
  Machine,
  MachineEnd,
  MachineFacts,
  MachineHost,
  MachineKind,
  MachineRequest,
} from './machine.ts'
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

const consoleLimit = 64 * 1024

/** What is known of one machine here, and what may happen to it. */
interface Slot {
  console: string
  running(): void
  off(end: MachineEnd): void
}

class BootingHost implements MachineHost {
  readonly kind: MachineKind
  readonly cidr: string
  readonly isolation: string
  readonly #fabric: Fabric
  readonly #reach: Reach
  readonly #addresses = new Addresses()
  readonly #slots: Map<string, Slot>
  #closing: Promise<void> | undefined

  private constructor(kind: MachineKind, fabric: Fabric, reach: Reach, slots: Map<string, Slot>) {
    this.kind = kind
    this.#fabric = fabric
    this.#reach = reach
    this.#slots = slots
    this.cidr = `${reach.network}.0/24`
    const user = kind === 'rootless' ? 'a user namespace without privileges here' : 'real root'
    this.isolation =
      `runc containers: ${user}, 12 capabilities, a seccomp filter, own files but for /usr and /etc, ` +
      `no route but to each other${reach.guarded ? '' : ' and to this computer'}`
    void fabric.gone.then(() => this.#allOff())
  }

  static async open(kind: 'container' | 'rootless'): Promise<BootingHost> {
    const slots = new Map<string, Slot>()
    const onMessage = (message: FromFabric): void => hear(slots, message)
    const plan = { rootless: kind === 'rootless', guest: guestDirectory }
    const hide = [homedir(), ...workplaces(process.cwd())]
    if (kind === 'container') {
      // Looked for while the fabric starts.
      const found = unreadable(['/etc', '/usr/local'])
      // Told by whoever waits for it, if the fabric starts at all.
      found.catch(() => {})
      const { fabric, reach } = await openUplink((makePair) =>
        Fabric.start({ ...plan, base: '/' }, onMessage, async (pid) => {
          const [secrets] = await Promise.all([found, makePair(pid)])
          return { hide: [...hide, ...secrets], uplink: true }
        }),
      )
      return new BootingHost(kind, fabric, reach, slots)
    }
    // A root file system that we built ourselves holds nobody's secrets.
    const base = await prepareRootfs()
    const { fabric, reach } = await openRelay((address) =>
      Fabric.start({ ...plan, base, address }, onMessage, async () => ({ hide, uplink: false })),
    )
    return new BootingHost(kind, fabric, reach, slots)
  }

  create(request: MachineRequest): Machine {
    const { instanceId: id } = request
    const number = this.#addresses.take()
    const address = `${this.#reach.network}.${number}`
    const running = Promise.withResolvers<void>()
    const off = Promise.withResolvers<MachineEnd>()
    const slot: Slot = {
      console: '',
      running: running.resolve,
      off: (end) => {
        if (!this.#slots.delete(id)) return
        this.#reach.close(number)
        off.resolve(end)
      },
    }
    let ordered = Promise.resolve()
    return {
      privateIp: address,
      sshPort: this.#reach.sshPort,
      boot: (facts) => {
        this.#slots.set(id, slot)
        this.#reach.open(number, address)
        ordered = orderOf(request, facts, address).then(
          (order) => {
            if (!this.#fabric.tell({ type: 'boot', order })) slot.off(this.#endOfAll())
          },
          (error: unknown) => slot.off({ reason: 'failed', detail: String(error) }),
        )
        return {
          publicIp: this.#reach.publicIp(number),
          running: running.promise,
          off: off.promise,
        }
      },
      console: () => slot.console,
      reboot() {},
      learn() {},
      async trouble() {},
      discard: () => this.#addresses.give(number),
      powerOff: async () => {
        // A plug can only be pulled once it is in.
        await ordered
        this.#fabric.tell({ type: 'off', id })
        await off.promise
      },
    }
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
    for (const slot of this.#slots.values()) slot.off(this.#endOfAll())
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

async function orderOf(
  request: MachineRequest,
  { userData }: MachineFacts,
  address: string,
): Promise<BootOrder> {
  const { instanceId: id, hostname, defaultUser } = request
  const plan = planBoot(await parseUserData(userData))
  const script = bootScript(plan, id, defaultUser)
  return { id, hostname: plan.hostname ?? hostname, address, defaultUser, ...script }
}

function hear(slots: ReadonlyMap<string, Slot>, message: FromFabric): void {
  if (message.type === 'hello' || message.type === 'ready' || message.type === 'failed') return
  const slot = slots.get(message.id)
  if (slot === undefined) return
  if (message.type === 'running') slot.running()
  else if (message.type === 'off') slot.off(message.end)
  else slot.console = (slot.console + message.text).slice(-consoleLimit)
}
