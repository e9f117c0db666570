/** All tables of a world, and what their resources are found by without looking at all of them. */
import type { NetworkInterface, Volume } from './attachments.ts'
import type { Instance } from './instance.ts'
import type { KeyPair } from './key-pair.ts'
import type { Subnet, Vpc } from './network.ts'
import type { SecurityGroup, SecurityGroupRule } from './security-group.ts'
import { Table } from './table.ts'

export interface Tables {
  readonly vpcs: Table<Vpc>
  readonly subnets: Table<Subnet>
  readonly securityGroups: Table<SecurityGroup>
  readonly securityGroupRules: Table<SecurityGroupRule>
  readonly keyPairs: Table<KeyPair>
  readonly instances: Table<Instance>
  readonly volumes: Table<Volume>
  readonly networkInterfaces: Table<NetworkInterface>
}

/** States and groups change: `World.changed` and `assignGroups` see to it. The rest never does, or is only lost. */
export function createTables(): Tables {
  return {
    vpcs: new Table('vpc-id'),
    subnets: new Table('subnet-id', {
      'vpc-id': ({ vpc }) => vpc.id,
      'availability-zone': ({ zone }) => zone.name,
    }),
    securityGroups: new Table('group-id', {
      'group-name': ({ name }) => name,
      [folded]: ({ name }) => foldCase(name),
      'vpc-id': ({ vpc }) => vpc.id,
    }),
    securityGroupRules: new Table('security-group-rule-id', {
      'group-id': ({ group }) => group.id,
      [referenced]: ({ peer }) => (peer.kind === 'group' ? peer.group.id : undefined),
    }),
    keyPairs: new Table('key-pair-id', {
      'key-name': ({ name }) => name,
      fingerprint: ({ fingerprint }) => fingerprint,
    }),
    instances: new Table('instance-id', {
      'client-token': ({ clientToken }) => clientToken,
      'reservation-id': ({ reservationId }) => reservationId,
      'image-id': ({ image }) => image.id,
      'subnet-id': ({ subnet }) => subnet.id,
      'vpc-id': ({ subnet }) => subnet.vpc.id,
      'availability-zone': ({ subnet }) => subnet.zone.name,
      'private-ip-address': ({ machine }) => machine.privateIp,
      'instance-state-name': ({ state }) => state,
      'instance.group-id': ({ networkInterface }) => networkInterface?.groups.map(({ id }) => id),
    }),
    volumes: new Table('volume-id', {
      'attachment.instance-id': ({ attachment }) => attachment?.instanceId,
      'availability-zone': ({ zone }) => zone.name,
    }),
    networkInterfaces: new Table('network-interface-id', {
      'attachment.instance-id': ({ attachment }) => attachment.instanceId,
      'subnet-id': ({ subnet }) => subnet.id,
      'vpc-id': ({ subnet }) => subnet.vpc.id,
      'private-ip-address': ({ privateIp }) => privateIp,
      'group-id': ({ groups }) => groups.map(({ id }) => id),
    }),
  }
}

/** Under which groups are filed by a name whose case does not matter. */
export const folded = 'folded-name'

/** Under which rules are filed by the group that they let in or out. */
export const referenced = 'referenced-group-id'

export function foldCase(name: string): string {
  return name.toLowerCase()
}
