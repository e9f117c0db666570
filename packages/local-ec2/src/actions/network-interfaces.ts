/** DescribeNetworkInterfaces. */
import type * as ec2 from '@aws-sdk/client-ec2'

import type { NetworkInterface } from '../world/attachments.ts'
import type { World } from '../world/world.ts'
import type { Ec2Actions } from './action.ts'
import { describe } from './common/describe.ts'
import type { Fields } from './common/filters.ts'
import { privateDnsName, publicDnsName } from './common/names.ts'
import { tagList } from './common/tags.ts'

export const networkInterfaceActions: Ec2Actions = {
  DescribeNetworkInterfaces: {
    accepts: {
      NetworkInterfaceIds: true,
      Filters: true,
      MaxResults: true,
      NextToken: true,
      DryRun: true,
    },
    plan(input, world) {
      const { items, NextToken } = describe(input, {
        kind: 'network-interface',
        resources: world.networkInterfaces,
        fields: fields(world),
        ids: input.NetworkInterfaceIds,
        exclusiveIds: 'networkInterfaceIds',
      })
      return () => ({ NetworkInterfaces: items.map((item) => show(item, world)), NextToken })
    },
  },
}

const fields = ({ accountId }: World): Fields<NetworkInterface> => ({
  'addresses.primary': () => true,
  'addresses.private-ip-address': ({ privateIp }) => privateIp,
  'addresses.association.public-ip': ({ publicIp }) => publicIp,
  'association.public-ip': ({ publicIp }) => publicIp,
  'attachment.attach-time': ({ attachment }) => attachment.time,
  'attachment.attachment-id': ({ attachmentId }) => attachmentId,
  'attachment.delete-on-termination': () => true,
  'attachment.device-index': () => 0,
  'attachment.instance-id': ({ attachment }) => attachment.instanceId,
  'attachment.instance-owner-id': () => accountId,
  'attachment.status': () => 'attached',
  'availability-zone': ({ subnet }) => subnet.zone.name,
  'availability-zone-id': ({ subnet }) => subnet.zone.id,
  description: ({ description }) => description,
  'group-id': ({ groups }) => groups.map(({ id }) => id),
  'group-name': ({ groups }) => groups.map(({ name }) => name),
  'interface-type': () => 'interface',
  'mac-address': ({ macAddress }) => macAddress,
  'network-interface-id': ({ id }) => id,
  'owner-id': () => accountId,
  'private-dns-name': ({ privateIp }) => privateDnsName(privateIp),
  'private-ip-address': ({ privateIp }) => privateIp,
  'requester-managed': () => false,
  'source-dest-check': ({ sourceDestCheck }) => sourceDestCheck,
  status: () => 'in-use',
  'subnet-id': ({ subnet }) => subnet.id,
  'vpc-id': ({ subnet }) => subnet.vpc.id,
})

function show(networkInterface: NetworkInterface, { accountId }: World): ec2.NetworkInterface {
  const { id, subnet, groups, privateIp, publicIp, attachment, attachmentId } = networkInterface
  const association = publicIp === undefined ? undefined : showAssociation(publicIp)
  return {
    NetworkInterfaceId: id,
    InterfaceType: 'interface',
    OwnerId: accountId,
    RequesterManaged: false,
    Description: networkInterface.description,
    Status: 'in-use',
    AvailabilityZone: subnet.zone.name,
    AvailabilityZoneId: subnet.zone.id,
    SubnetId: subnet.id,
    VpcId: subnet.vpc.id,
    MacAddress: networkInterface.macAddress,
    PrivateIpAddress: privateIp,
    PrivateDnsName: privateDnsName(privateIp),
    PrivateIpAddresses: [
      {
        Primary: true,
        PrivateIpAddress: privateIp,
        PrivateDnsName: privateDnsName(privateIp),
        Association: association,
      },
    ],
    Ipv6Addresses: [],
    Association: association,
    SourceDestCheck: networkInterface.sourceDestCheck,
    Groups: groups.map(({ id: GroupId, name: GroupName }) => ({ GroupId, GroupName })),
    Attachment: {
      AttachmentId: attachmentId,
      AttachTime: attachment.time,
      DeleteOnTermination: true,
      DeviceIndex: 0,
      NetworkCardIndex: 0,
      InstanceId: attachment.instanceId,
      InstanceOwnerId: accountId,
      Status: 'attached',
    },
    TagSet: tagList(networkInterface.tags),
  }
}

export function showAssociation(publicIp: string): ec2.InstanceNetworkInterfaceAssociation {
  return { IpOwnerId: 'amazon', PublicIp: publicIp, PublicDnsName: publicDnsName(publicIp) }
}
