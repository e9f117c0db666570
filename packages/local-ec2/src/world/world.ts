/** Everything that exists. Plain maps of plain resources; the rules are in the files beside. */
import type { MachineHost } from '../machine/machine.ts'
import type { NetworkInterface, Volume } from './attachments.ts'
import type { Instance } from './instance.ts'
import { createSubnets, createVpc, type Subnet, type Vpc } from './network.ts'
import type { Reservation } from './reservation.ts'
import type { Stamp } from './resource.ts'
import { createDefaultGroup, type SecurityGroup } from './security-group.ts'

export interface World {
  readonly accountId: string
  readonly machines: MachineHost
  readonly vpcs: ReadonlyMap<string, Vpc>
  readonly defaultVpc: Vpc
  readonly subnets: ReadonlyMap<string, Subnet>
  readonly securityGroups: Map<string, SecurityGroup>
  readonly instances: Map<string, Instance>
  readonly volumes: Map<string, Volume>
  readonly networkInterfaces: Map<string, NetworkInterface>
  /** By client token. */
  readonly reservations: Map<string, Reservation>
  /** For every resource that is made. */
  stamp(): Stamp
}

/** A fresh account: a default VPC with its default group, and nothing else. */
export function createWorld(machines: MachineHost): World {
  let order = 0
  const stamp = (): Stamp => ({ order: ++order, visibleFrom: 0 })
  const defaultVpc = createVpc(machines.cidr, stamp())
  const world: World = {
    accountId: '000000000000',
    machines,
    vpcs: byId([defaultVpc]),
    defaultVpc,
    subnets: byId(createSubnets(defaultVpc, stamp)),
    securityGroups: new Map(),
    instances: new Map(),
    volumes: new Map(),
    networkInterfaces: new Map(),
    reservations: new Map(),
    stamp,
  }
  createDefaultGroup(world, defaultVpc)
  return world
}

function byId<T extends { id: string }>(resources: T[]): Map<string, T> {
  return new Map(resources.map((resource) => [resource.id, resource]))
}
