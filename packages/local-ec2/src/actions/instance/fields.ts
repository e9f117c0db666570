/** What DescribeInstances can be filtered by. */
import type { NetworkInterface, Volume } from '../../world/attachments.ts'
import { type Instance, stateCodes } from '../../world/instance.ts'
import type { World } from '../../world/world.ts'
import type { Fields } from '../common/filters.ts'
import { privateDnsName, publicDnsName } from '../common/names.ts'

export function instanceFields({ accountId }: World): Fields<Instance> {
  return {
    architecture: ({ image }) => image.architecture,
    'availability-zone': ({ subnet }) => subnet.zone.name,
    'availability-zone-id': ({ subnet }) => subnet.zone.id,
    'client-token': ({ clientToken }) => clientToken,
    'dns-name': ofInterface(({ publicIp }) => publicIp && publicDnsName(publicIp)),
    'ebs-optimized': ({ ebsOptimized }) => ebsOptimized,
    hypervisor: () => 'xen',
    'image-id': ({ image }) => image.id,
    'instance-id': ({ id }) => id,
    'instance-state-code': ({ state }) => stateCodes[state],
    'instance-state-name': ({ state }) => state,
    'instance-type': ({ type }) => type.name,
    'instance.group-id': ofGroups(({ id }) => id),
    'instance.group-name': ofGroups(({ name }) => name),
    'ip-address': ofInterface(({ publicIp }) => publicIp),
    'launch-index': ({ launchIndex }) => launchIndex,
    'launch-time': ({ launchTime }) => launchTime,
    'metadata-options.http-endpoint': ({ metadata }) => metadata.httpEndpoint,
    'metadata-options.http-put-response-hop-limit': ({ metadata }) => metadata.hopLimit,
    'metadata-options.http-tokens': ({ metadata }) => metadata.httpTokens,
    'owner-id': () => accountId,
    'platform-details': () => 'Linux/UNIX',
    'private-dns-name': ofInterface(({ privateIp }) => privateDnsName(privateIp)),
    'private-ip-address': ofInterface(({ privateIp }) => privateIp),
    reason: ({ transitionReason }) => transitionReason,
    'reservation-id': ({ reservationId }) => reservationId,
    'root-device-name': ({ image }) => image.rootDevice,
    'root-device-type': () => 'ebs',
    'source-dest-check': ofInterface(() => true),
    'state-reason-code': ({ stateReason }) => stateReason?.code,
    'state-reason-message': ({ stateReason }) => stateReason?.message,
    'subnet-id': ofInterface(({ subnet }) => subnet.id),
    tenancy: () => 'default',
    'virtualization-type': () => 'hvm',
    'vpc-id': ofInterface(({ subnet }) => subnet.vpc.id),

    'block-device-mapping.attach-time': ofVolumes(({ attachment }) => attachment?.time),
    'block-device-mapping.delete-on-termination': ofVolumes(
      ({ attachment }) => attachment?.deleteOnTermination,
    ),
    'block-device-mapping.device-name': ofVolumes(({ device }) => device),
    'block-device-mapping.status': ofVolumes(() => 'attached'),
    'block-device-mapping.volume-id': ofVolumes(({ id }) => id),

    'network-interface.addresses.private-ip-address': ofInterface(({ privateIp }) => privateIp),
    'network-interface.association.public-ip': ofInterface(({ publicIp }) => publicIp),
    'network-interface.attachment.attachment-id': ofInterface(({ attachmentId }) => attachmentId),
    'network-interface.attachment.delete-on-termination': ofInterface(
      ({ attachment }) => attachment?.deleteOnTermination,
    ),
    'network-interface.attachment.device-index': ofInterface(() => 0),
    'network-interface.availability-zone': ofInterface(({ subnet }) => subnet.zone.name),
    'network-interface.description': ofInterface(({ description }) => description),
    'network-interface.group-id': ofGroups(({ id }) => id),
    'network-interface.group-name': ofGroups(({ name }) => name),
    'network-interface.mac-address': ofInterface(({ macAddress }) => macAddress),
    'network-interface.network-interface-id': ofInterface(({ id }) => id),
    'network-interface.private-ip-address': ofInterface(({ privateIp }) => privateIp),
    'network-interface.status': ofInterface(() => 'in-use'),
    'network-interface.subnet-id': ofInterface(({ subnet }) => subnet.id),
    'network-interface.vpc-id': ofInterface(({ subnet }) => subnet.vpc.id),
  }
}

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
