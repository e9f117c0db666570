/** The network of one machine from power on to power off, whatever the machine and others do to it. */
import type { LinkConditions } from '../machine.ts'
import { Link } from './link.ts'
import { namespaceName } from './namespaces.ts'
import {
  closeMetadata,
  insertLink,
  limitHops,
  linkDevices,
  makeNamespace,
  openMetadata,
  rejoinLink,
  removeLink,
  removeNamespace,
  setLink,
} from './network.ts'
import type { BootOrder, FabricPlan, Wiring } from './protocol.ts'

export class MachineNetwork {
  readonly #plan: FabricPlan
  readonly #wiring: Wiring
  readonly #order: BootOrder
  #hopLimit: number
  /** Whether the machine has booted with it. */
  #isUsed = false
  /** Whether it is lost for good. */
  #isCut = false
  #isMetadataClosed = false
  #isGone = false
  /** Settles when it is there, or never will be. */
  readonly #made = Promise.withResolvers<void>()
  /** What packets pass through while they have conditions. */
  #link: Link | undefined
  /** Settles when nothing is being done to its way out: one thing at a time. */
  #working: Promise<void> = this.#made.promise

  constructor({ plan, wiring }: { plan: FabricPlan; wiring: Wiring }, order: BootOrder) {
    this.#plan = plan
    this.#wiring = wiring
    this.#order = order
    this.#hopLimit = order.knowledge.facts.metadata.hopLimit
  }

  /** What the processes in it call it. */
  get name(): string {
    return namespaceName(this.#order.id)
  }

  async make(): Promise<void> {
    const eth0 = { macAddress: this.#mac, hopLimit: this.#hopLimit, isItsOwn: this.#isItsOwn }
    await makeNamespace(this.#order, eth0, this.#wiring)
    this.#made.resolve()
  }

  /**
   * Before each boot: as it was before the one that came before.
   *
   * @returns whether it is another one now
   */
  restore(): Promise<boolean> {
    return this.#inTurn(() => this.#restore())
  }

  async #restore(): Promise<boolean> {
    const { id, address } = this.#order
    if (this.#isMetadataClosed) await openMetadata(id)
    this.#isMetadataClosed = false
    const isToRenew = this.#isUsed && this.#isItsOwn
    this.#isUsed = true
    // An image's boot may have changed anything in it, and even deleted its interface.
    if (isToRenew) {
      await removeNamespace(this.#order)
      await this.make()
      const link = this.#link
      if (link !== undefined) {
        await rejoinLink(address, this.#mac).catch((error: unknown) => {
          // Its devices went with its program: cut off until it is asked for anew.
          if (!link.isGone) throw error
        })
      }
      if (this.#isCut) await this.down()
    }
    return isToRenew
  }

  async setHopLimit(hopLimit: number): Promise<void> {
    if (this.#hopLimit === hopLimit) return
    this.#hopLimit = hopLimit
    await limitHops(this.#order.address, hopLimit, this.#wiring)
  }

  /** For as long as the boot lasts. */
  async closeMetadata(): Promise<void> {
    if (this.#isMetadataClosed) return
    this.#isMetadataClosed = true
    await closeMetadata(this.#order.id)
  }

  /** For as long as the machine has power. */
  async cut(): Promise<void> {
    this.#isCut = true
    await this.#inTurn(() => this.down())
  }

  down(): Promise<void> {
    return setLink(this.#order.address, 'down')
  }

  async up(): Promise<void> {
    if (!this.#isCut) await setLink(this.#order.address, 'up')
  }

  /** Not before it is there, but before the machine boots with that. */
  link(conditions: LinkConditions | undefined): Promise<void> {
    return this.#inTurn(() => this.#setConditions(conditions))
  }

  async remove(): Promise<void> {
    this.#isGone = true
    this.#made.resolve()
    await this.#working
    if (this.#link !== undefined) await this.#removeLink(this.#link).catch(() => {})
    await removeNamespace(this.#order).catch(() => {})
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const worked = this.#working.then(work)
    this.#working = worked.then(
      () => {},
      () => {},
    )
    return worked
  }

  get #mac(): string {
    return this.#order.knowledge.facts.macAddress
  }

  /** Whether the machine may change it. */
  get #isItsOwn(): boolean {
    return this.#plan.init !== 'own'
  }

  async #setConditions(conditions: LinkConditions | undefined): Promise<void> {
    if (this.#isGone) return
    // One that somebody killed has left the machine without a way.
    if (this.#link?.isGone) await this.#removeLink(this.#link)
    // Without conditions as well: what is under way arrives before it goes.
    await this.#link?.set(conditions ?? {})
    if (this.#link === undefined && conditions !== undefined) await this.#insertLink(conditions)
    else if (this.#link !== undefined && conditions === undefined) {
      await this.#removeLink(this.#link)
    }
  }

  async #insertLink(conditions: LinkConditions): Promise<void> {
    const { address } = this.#order
    const link = new Link(this.#plan.relay, linkDevices(address))
    this.#link = link
    try {
      await link.set(conditions)
      await insertLink(address, this.#mac)
    } catch (error) {
      await this.#removeLink(link).catch(() => {})
      throw error
    }
  }

  async #removeLink(link: Link): Promise<void> {
    try {
      await removeLink(this.#order.address, this.#mac)
    } finally {
      await link.close()
      this.#link = undefined
    }
  }
}
