/** An instance as DescribeInstances and RunInstances answer it. */
import type * as ec2 from '@aws-sdk/client-ec2'

import type { NetworkInterface } from '../../world/attachments.ts'
import { type Instance, type MetadataOptions, stateCodes } from '../../world/instance.ts'
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
  const { image, type, cpu, subnet, names, networkInterface, stateReason } = instance
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
    KeyName: instance.keyPair?.name,
    Placement: {
      AvailabilityZone: subnet.zone.name,
      AvailabilityZoneId: subnet.zone.id,
      GroupName: '',
      Tenancy: 'default',
    },
    CapacityReservationSpecification: {
      CapacityReservationPreference: instance.capacityReservation,
    },
    // A terminated instance has no network any more.
    ...(networkInterface !== undefined && { SubnetId: subnet.id, VpcId: subnet.vpc.id }),
    PrivateIpAddress: privateIp,
    PrivateDnsName: privateNameOf(instance) ?? '',
    PrivateDnsNameOptions: networkInterface && {
      HostnameType: names.hostnameType,
      EnableResourceNameDnsARecord: names.aRecord,
      EnableResourceNameDnsAAAARecord: names.aaaaRecord,
    },
    PublicIpAddress: publicIp,
    PublicDnsName: publicIp === undefined ? '' : publicDnsName(publicIp),
    SecurityGroups: showGroups(groups),
    NetworkInterfaces:
      networkInterface === undefined ? [] : [showInterface(networkInterface, instance, accountId)],
    SourceDestCheck: networkInterface?.sourceDestCheck,
    Architecture: image.architecture,
    BootMode: bootModeOf(instance),
    RootDeviceName: image.rootDevice,
    RootDeviceType: 'ebs',
    BlockDeviceMappings: showMappings(instance),
    CpuOptions: { CoreCount: cpu.cores, ThreadsPerCore: cpu.threadsPerCore },
    MetadataOptions: showMetadata(instance.metadata),
    MaintenanceOptions: { AutoRecovery: instance.autoRecovery, RebootMigration: 'default' },
    Monitoring: { State: instance.monitoring ? 'enabled' : 'disabled' },
    EbsOptimized: instance.ebsOptimized,
    EnaSupport: true,
    Hypervisor: 'xen',
    VirtualizationType: 'hvm',
    PlatformDetails: 'Linux/UNIX',
    UsageOperation: 'RunInstances',
    UsageOperationUpdateTime: instance.created,
    HibernationOptions: { Configured: false },
    EnclaveOptions: { Enabled: false },
    Operator: { Managed: false },
    ProductCodes: [],
    Tags: tagList(instance.tags),
  }
}

export function bootModeOf({ image }: Pick<Instance, 'image'>): ec2.BootModeValues {
  return image.architecture === 'arm64' ? 'uefi' : 'uefi-preferred'
}

/** As it is when nothing is being changed. */
export function showMetadata({
  httpTokens,
  httpEndpoint,
  hopLimit,
  ipv6,
  instanceTags,
}: MetadataOptions): ec2.InstanceMetadataOptionsResponse {
  return {
    State: 'applied',
    HttpTokens: httpTokens,
    HttpEndpoint: httpEndpoint,
    HttpPutResponseHopLimit: hopLimit,
    HttpProtocolIpv6: ipv6,
    InstanceMetadataTags: instanceTags,
  }
}

export function showMappings({ volumes }: Instance): ec2.InstanceBlockDeviceMapping[] {
  return volumes.map(({ id, device, attachment }) => ({
    DeviceName: device,
    Ebs: {
      VolumeId: id,
      Status: 'attached',
      AttachTime: attachment?.time,
      DeleteOnTermination: attachment?.deleteOnTermination,
    },
  }))
}

/** `undefined` for one without a network. */
export function privateNameOf({
  id,
  names,
  networkInterface,
}: Pick<Instance, 'id' | 'names' | 'networkInterface'>): string | undefined {
  if (networkInterface === undefined) return undefined
  if (names.hostnameType === 'resource-name') return `${id}.ec2.internal`
  return privateDnsName(networkInterface.privateIp)
}

function showInterface(
  networkInterface: NetworkInterface,
  instance: Instance,
  accountId: string,
): ec2.InstanceNetworkInterface {
  const { id, subnet, groups, privateIp, publicIp, attachment, attachmentId, sourceDestCheck } =
    networkInterface
  const PrivateDnsName = privateNameOf(instance)
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
    PrivateDnsName,
    PrivateIpAddresses: [
      {
        Primary: true,
        PrivateIpAddress: privateIp,
        PrivateDnsName,
        Association: association,
      },
    ],
    Ipv6Addresses: [],
    Association: association,
    SourceDestCheck: sourceDestCheck,
    Groups: showGroups(groups),
    Attachment: {
      AttachmentId: attachmentId,
      AttachTime: attachment.time,
      DeleteOnTermination: true,
      DeviceIndex: 0,
      NetworkCardIndex: 0,
      Status: 'attached',
    },
  }
}

export function showGroups(groups: NetworkInterface['groups'] = []): ec2.GroupIdentifier[] {
  return groups.map(({ id: GroupId, name: GroupName }) => ({ GroupId, GroupName }))
}
