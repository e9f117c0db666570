/** What an instance's machine can learn about itself. */
import type { MachineFacts } from '../machine/machine.ts'
import type { NetworkInterface } from './attachments.ts'
import { formatCidr } from './cidr.ts'
import type { Instance } from './instance.ts'
import { region } from './network.ts'
import type { World } from './world.ts'

/** A copy: what changes later is told to the machine by `relearn()`. */
export function factsOf(
  { accountId }: World,
  instance: Instance,
  { id, macAddress, groups }: NetworkInterface,
): MachineFacts {
  const { userData, keyPair, metadata, subnet, image, type, tags, interruption } = instance
  const { httpTokens, httpEndpoint, hopLimit, instanceTags } = metadata
  return {
    userData,
    keyPairs: keyPair === undefined ? [] : [keyPair],
    metadata: { httpTokens, httpEndpoint, hopLimit, instanceTags },
    accountId,
    region,
    zone: subnet.zone,
    imageId: image.id,
    instanceType: type.name,
    architecture: image.architecture,
    reservationId: instance.reservationId,
    launchIndex: instance.launchIndex,
    launchTime: instance.launchTime,
    macAddress,
    interfaceId: id,
    securityGroups: [...groups],
    vpc: { id: subnet.vpc.id, cidr: formatCidr(subnet.vpc.cidr) },
    subnet: { id: subnet.id, cidr: formatCidr(subnet.cidr) },
    tags: new Map(tags),
    hasPublicIp: instance.publicAddress,
    rootDevice: image.rootDevice,
    ...(interruption !== undefined && { interruption }),
  }
}
