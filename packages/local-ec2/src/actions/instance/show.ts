/** An instance as DescribeInstances and RunInstances answer it. */
import type * as ec2 from '@aws-sdk/client-ec2'

import type { NetworkInterface } from '../../world/attachments.ts'
import { type Instance, stateCodes } from '../../world/instance.ts'
import type { World } from '../../world/world.ts'
import { privateDnsName, publicDnsName } from '../common/names.ts'
import { tagList } from '../common/tags.ts'
import { showAssociation } from '../network-interfaces.ts'

/** Instances grouped by the call that launched them, in the order given. */
export function showReservations(
  instances: readonly Instance[],
  { accountId }: World,
): ec2.Reservation[] {
  const byReservation = Map.groupBy(instances, ({ reservationId }) => reservationId)
  return [...byReservation].map(([ReservationId, members]) => ({
    ReservationId,
    OwnerId: accountId,
    Groups: [],
    Instances: members.map((instance) => showInstance(instance, accountId)),
  }))
}

export function showState({ state }: Pick<Instance, 'state'>): ec2.InstanceState {
  return { Code: stateCodes[state], Name: state }
}

function showInstance(instance: Instance, accountId: string): ec2.Instance {
  const { image, type, subnet, metadata, volumes, networkInterface, stateReason } = instance
  const { privateIp, publicIp, groups } = networkInterface ?? {}
  return {
    InstanceId: instance.id,
    ImageId: image.id,
    InstanceType: type.name,
    AmiLaunchIndex: instance.launchIndex,
    ClientToken: instance.clientToken,
    LaunchTime: instance.launchTime,
    State: showState(instance),
    StateTransitionReason: instance.transitionReason,
    StateReason: stateReason && { Code: stateReason.code, Message: stateReason.message },
    Placement: {
      AvailabilityZone: subnet.zone.name,
      AvailabilityZoneId: subnet.zone.id,
      GroupName: '',
      Tenancy: 'default',
    },
    // A terminated instance has no network any more.
    ...(networkInterface !== undefined && { SubnetId: subnet.id, VpcId: subnet.vpc.id }),
    PrivateIpAddress: privateIp,
    PrivateDnsName: privateIp === undefined ? '' : privateDnsName(privateIp),
    PublicIpAddress: publicIp,
    PublicDnsName: publicIp === undefined ? '' : publicDnsName(publicIp),
    SecurityGroups: showGroups(groups),
    NetworkInterfaces:
      networkInterface === undefined ? [] : [showInterface(networkInterface, accountId)],
    SourceDestCheck: networkInterface && true,
    Architecture: image.architecture,
    BootMode: image.architecture === 'arm64' ? 'uefi' : 'uefi-preferred',
    RootDeviceName: image.rootDevice,
    RootDeviceType: 'ebs',
    BlockDeviceMappings: volumes.map(({ id, device, attachment }) => ({
      DeviceName: device,
      Ebs: {
        VolumeId: id,
        Status: 'attached',
        AttachTime: attachment?.time,
        DeleteOnTermination: attachment?.deleteOnTermination,
      },
    })),
    CpuOptions: { CoreCount: type.cores, ThreadsPerCore: type.vcpus / type.cores },
    MetadataOptions: {
      State: 'applied',
      HttpTokens: metadata.httpTokens,
      HttpEndpoint: metadata.httpEndpoint,
      HttpPutResponseHopLimit: metadata.hopLimit,
      HttpProtocolIpv6: 'disabled',
      InstanceMetadataTags: 'disabled',
    },
    Monitoring: { State: 'disabled' },
    EbsOptimized: instance.ebsOptimized,
    EnaSupport: true,
    Hypervisor: 'xen',
    VirtualizationType: 'hvm',
    PlatformDetails: 'Linux/UNIX',
    UsageOperation: 'RunInstances',
    UsageOperationUpdateTime: instance.launchTime,
    HibernationOptions: { Configured: false },
    EnclaveOptions: { Enabled: false },
    ProductCodes: [],
    Tags: tagList(instance.tags),
  }
}

function showInterface(
  networkInterface: NetworkInterface,
  accountId: string,
): ec2.InstanceNetworkInterface {
  const { id, subnet, groups, privateIp, publicIp, attachment, attachmentId } = networkInterface
  const association = publicIp === undefined ? undefined : showAssociation(publicIp)
  return {
    NetworkInterfaceId: id,
    InterfaceType: 'interface',
    OwnerId: accountId,
    Description: networkInterface.description,
    Status: 'in-use',
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
    SourceDestCheck: true,
    Groups: showGroups(groups),
    Attachment: attachment && {
      AttachmentId: attachmentId,
      AttachTime: attachment.time,
      DeleteOnTermination: attachment.deleteOnTermination,
      DeviceIndex: 0,
      NetworkCardIndex: 0,
      Status: 'attached',
    },
  }
}

function showGroups(groups: NetworkInterface['groups'] = []): ec2.GroupIdentifier[] {
  return groups.map(({ id: GroupId, name: GroupName }) => ({ GroupId, GroupName }))
}
