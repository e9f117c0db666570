/** Everything that exists. Tables of plain resources; the rules are in the files beside. */
import { createDirectory, type Directory } from '../identity/directory.ts'
import type { BootTroubles, MachineHost } from '../machine/machine.ts'
import { accountId } from './account.ts'
import { conditions } from './conditions.ts'
import type { Instance } from './instance.ts'
import { createSubnets, createVpc, type Vpc } from './network.ts'
import type { Reservation } from './reservation.ts'
import type { Stamp } from './resource.ts'
import { createDefaultGroup } from './security-group.ts'
import { createTables, type Tables } from './tables.ts'

export interface World extends Tables {
  readonly accountId: string
  /** Who may call. */
  readonly directory: Directory
  readonly machines: MachineHost
  readonly defaultVpc: Vpc
  /** By client token. */
  readonly reservations: Map<string, Reservation>
  /**
   * For every resource that is made.
   *
   * @param type as in ARNs
   */
  stamp(type?: string): Stamp
  /** What callers take for the present, in ms since the epoch. */
  now(): number
  /** How far that is ahead of the real time. */
  clockSkewMs: number
  /** What will be wrong, from its first boot on, with an instance of that type that is about to be launched. */
  bootTroubles(instanceType: string): BootTroubles | undefined
  /** Asked for that, each of them once for each launch. */
  readonly bootFaults: Set<(instanceType: string) => BootTroubles | undefined>
  /** Called with an instance right after its state has changed, the first one included. */
  readonly watchers: Set<(instance: Instance) => void>
  /** Tells the tables and the watchers. */
  changed(instance: Instance): void
}

/** A fresh account: a default VPC with its default group, and nothing else. */
export function createWorld(machines: MachineHost): World {
  let order = 0
  const stamp = (type = ''): Stamp => {
    const hiddenMs = conditions().hiddenMs(type)
    return { order: ++order, visibleFrom: hiddenMs === 0 ? 0 : Date.now() + hiddenMs }
  }
  const defaultVpc = createVpc(machines.cidr, stamp())
  const world: World = {
    accountId,
    directory: createDirectory(),
    machines,
    ...createTables(),
    defaultVpc,
    reservations: new Map(),
    stamp,
    now: () => Date.now() + world.clockSkewMs,
    clockSkewMs: 0,
    bootTroubles(instanceType) {
      const troubles = [...world.bootFaults].map((fault) => fault(instanceType))
      return troubles.some((trouble) => trouble) ? Object.assign({}, ...troubles) : undefined
    },
    bootFaults: new Set(),
    watchers: new Set(),
    changed(instance) {
      world.instances.changed(instance)
      for (const watch of world.watchers) watch(instance)
    },
  }
  world.vpcs.set(defaultVpc.id, defaultVpc)
  for (const subnet of createSubnets(defaultVpc, stamp)) world.subnets.set(subnet.id, subnet)
  createDefaultGroup(world, defaultVpc)
  return world
}
