/** What DescribeInstances can be filtered by. */
import type { NetworkInterface, Volume } from '../../world/attachments.ts'
import { type Instance, stateCodes } from '../../world/instance.ts'
import type { World } from '../../world/world.ts'
import type { Fields } from '../common/filters.ts'
import { publicDnsName } from '../common/names.ts'
import { bootModeOf, privateNameOf } from './show.ts'

export function instanceFields({ accountId }: World): Fields<Instance> {
  return {
    architecture: ({ image }) => image.architecture,
    'availability-zone': ({ subnet }) => subnet.zone.name,
    'availability-zone-id': ({ subnet }) => subnet.zone.id,
    'boot-mode': bootModeOf,
    'capacity-reservation-specification.capacity-reservation-preference': ({
      capacityReservation,
    }) => capacityReservation,
    'client-token': ({ clientToken }) => clientToken,
    'dns-name': ofInterface(({ publicIp }) => publicIp && publicDnsName(publicIp)),
    'ebs-optimized': ({ ebsOptimized }) => ebsOptimized,
    'ena-support': () => true,
    'enclave-options.enabled': () => false,
    'hibernation-options.configured': () => false,
    hypervisor: () => 'xen',
    'image-id': ({ image }) => image.id,
    'instance-id': ({ id }) => id,
    // `spot` or `scheduled`: an On-Demand Instance has no value.
    'instance-lifecycle': none,
    'instance-state-code': ({ state }) => stateCodes[state],
    'instance-state-name': ({ state }) => state,
    'instance-type': ({ type }) => type.name,
    'instance.group-id': ofGroups(({ id }) => id),
    'instance.group-name': ofGroups(({ name }) => name),
    'ip-address': ofInterface(({ publicIp }) => publicIp),
    'key-name': ({ keyPair }) => keyPair?.name,
    'launch-index': ({ launchIndex }) => launchIndex,
    'launch-time': ({ launchTime }) => launchTime,
    'maintenance-options.auto-recovery': ({ autoRecovery }) => autoRecovery,
    'metadata-options.http-endpoint': ({ metadata }) => metadata.httpEndpoint,
    'metadata-options.http-protocol-ipv6': ({ metadata }) => metadata.ipv6,
    'metadata-options.http-put-response-hop-limit': ({ metadata }) => metadata.hopLimit,
    'metadata-options.http-tokens': ({ metadata }) => metadata.httpTokens,
    'metadata-options.instance-metadata-tags': ({ metadata }) => metadata.instanceTags,
    'monitoring-state': ({ monitoring }) => (monitoring ? 'enabled' : 'disabled'),
    'operator.managed': () => false,
    'owner-id': () => accountId,
    'placement-group-name': none,
    // `windows`, or nothing.
    platform: none,
    'platform-details': () => 'Linux/UNIX',
    'private-dns-name': privateNameOf,
    'private-dns-name-options.enable-resource-name-dns-a-record': ({ names }) => names.aRecord,
    'private-dns-name-options.enable-resource-name-dns-aaaa-record': ({ names }) =>
      names.aaaaRecord,
    'private-dns-name-options.hostname-type': ({ names }) => names.hostnameType,
    'private-ip-address': ofInterface(({ privateIp }) => privateIp),
    reason: ({ transitionReason }) => transitionReason,
    'reservation-id': ({ reservationId }) => reservationId,
    'root-device-name': ({ image }) => image.rootDevice,
    'root-device-type': () => 'ebs',
    'source-dest-check': ofInterface(({ sourceDestCheck }) => sourceDestCheck),
    'spot-instance-request-id': none,
    'state-reason-code': ({ stateReason }) => stateReason?.code,
    'state-reason-message': ({ stateReason }) => stateReason?.message,
    'subnet-id': ofInterface(({ subnet }) => subnet.id),
    tenancy: () => 'default',
    'usage-operation': () => 'RunInstances',
    'usage-operation-update-time': ({ created }) => created,
    'virtualization-type': () => 'hvm',
    'vpc-id': ofInterface(({ subnet }) => subnet.vpc.id),

    'block-device-mapping.attach-time': ofVolumes(({ attachment }) => attachment?.time),
    'block-device-mapping.delete-on-termination': ofVolumes(
      ({ attachment }) => attachment?.deleteOnTermination,
    ),
    'block-device-mapping.device-name': ofVolumes(({ device }) => device),
    'block-device-mapping.status': ofVolumes(() => 'attached'),
    'block-device-mapping.volume-id': ofVolumes(({ id }) => id),

    'network-interface.addresses.association.public-ip': ofInterface(({ publicIp }) => publicIp),
    'network-interface.addresses.primary': ofInterface(() => true),
    'network-interface.addresses.private-ip-address': ofInterface(({ privateIp }) => privateIp),
    'network-interface.association.public-ip': ofInterface(({ publicIp }) => publicIp),
    'network-interface.attachment.attach-time': ofInterface(({ attachment }) => attachment.time),
    'network-interface.attachment.attachment-id': ofInterface(({ attachmentId }) => attachmentId),
    'network-interface.attachment.delete-on-termination': ofInterface(() => true),
    'network-interface.attachment.device-index': ofInterface(() => 0),
    'network-interface.attachment.instance-id': ofInterface(
      ({ attachment }) => attachment.instanceId,
    ),
    'network-interface.attachment.instance-owner-id': ofInterface(() => accountId),
    'network-interface.attachment.status': ofInterface(() => 'attached'),
    'network-interface.availability-zone': ofInterface(({ subnet }) => subnet.zone.name),
    'network-interface.description': ofInterface(({ description }) => description),
    'network-interface.group-id': ofGroups(({ id }) => id),
    'network-interface.group-name': ofGroups(({ name }) => name),
    'network-interface.mac-address': ofInterface(({ macAddress }) => macAddress),
    'network-interface.network-interface-id': ofInterface(({ id }) => id),
    'network-interface.owner-id': ofInterface(() => accountId),
    'network-interface.private-dns-name': privateNameOf,
    'network-interface.private-ip-address': ofInterface(({ privateIp }) => privateIp),
    'network-interface.requester-managed': ofInterface(() => false),
    'network-interface.source-dest-check': ofInterface(({ sourceDestCheck }) => sourceDestCheck),
    'network-interface.status': ofInterface(() => 'in-use'),
    'network-interface.subnet-id': ofInterface(({ subnet }) => subnet.id),
    'network-interface.vpc-id': ofInterface(({ subnet }) => subnet.vpc.id),
  }
}

const none = (): undefined => undefined

function ofInterface<Value>(read: (networkInterface: NetworkInterface) => Value) {
  return ({ networkInterface }: Instance): Value | undefined =>
    networkInterface && read(networkInterface)
}

function ofGroups(read: (group: NetworkInterface['groups'][number]) => string) {
  return ({ networkInterface }: Instance): string[] => networkInterface?.groups.map(read) ?? []
}

function ofVolumes<Value>(read: (volume: Volume) => Value) {
  return ({ volumes }: Instance): Value[] => volumes.map(read)
}
