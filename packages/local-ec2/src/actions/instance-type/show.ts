/** An instance type as DescribeInstanceTypes answers it. */
import type * as ec2 from '@aws-sdk/client-ec2'

import type { InstanceType } from '../../world/instance-types.ts'

export function showInstanceType(type: InstanceType): ec2.InstanceTypeInfo {
  const { traits } = type
  return {
    InstanceType: type.name,
    CurrentGeneration: traits.has('current'),
    FreeTierEligible: traits.has('free'),
    SupportedUsageClasses: usageClasses(type),
    SupportedRootDeviceTypes: ['ebs'],
    SupportedVirtualizationTypes: ['hvm'],
    BareMetal: type.bareMetal,
    Hypervisor: type.hypervisor,
    ProcessorInfo: {
      Manufacturer: type.manufacturer,
      SupportedArchitectures: architectures(type),
      SustainedClockSpeedInGhz: type.ghz,
      SupportedFeatures: processorFeatures(type),
    },
    VCpuInfo: {
      DefaultVCpus: type.vcpus,
      DefaultCores: type.cores,
      DefaultThreadsPerCore: type.threadsPerCore,
      ValidCores: type.validCores && [...type.validCores],
      ValidThreadsPerCore: validThreads(type),
    },
    MemoryInfo: { SizeInMiB: type.memoryMib },
    InstanceStorageSupported: type.disks !== undefined,
    InstanceStorageInfo: showStorage(type),
    EbsInfo: showEbs(type),
    NetworkInfo: showNetwork(type),
    PlacementGroupInfo: {
      SupportedStrategies: traits.has('cluster')
        ? ['cluster', 'partition', 'spread']
        : ['partition', 'spread'],
    },
    HibernationSupported: traits.has('hibernation'),
    BurstablePerformanceSupported: traits.has('burst'),
    DedicatedHostsSupported: traits.has('hosts'),
    AutoRecoverySupported: traits.has('recovery'),
    SupportedBootModes: bootModes(type),
    NitroEnclavesSupport: supported(traits.has('enclaves')),
    NitroTpmSupport: supported(traits.has('tpm')),
    NitroTpmInfo: traits.has('tpm') ? { SupportedVersions: ['2.0'] } : undefined,
    PhcSupport: supported(traits.has('phc')),
    RebootMigrationSupport: supported(traits.has('reboot')),
    SupportedInRegion: true,
  }
}

export function usageClasses({ traits }: InstanceType): ec2.UsageClassType[] {
  return traits.has('spot') ? ['on-demand', 'spot'] : ['on-demand']
}

export function architectures({ architecture, traits }: InstanceType): ec2.ArchitectureType[] {
  return traits.has('i386') ? ['i386', architecture] : [architecture]
}

type Feature = ec2.SupportedAdditionalProcessorFeature

export function processorFeatures({ traits }: InstanceType): Feature[] | undefined {
  if (traits.has('sev-snp')) return ['amd-sev-snp']
  if (!traits.has('nested')) return undefined
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- newer than the SDK's list
  return ['nested-virtualization', 'metal-compatibility' as Feature]
}

/** There is a choice only where there is one of cores as well. */
export function validThreads({ validCores, threadsPerCore }: InstanceType): number[] | undefined {
  return validCores && Array.from({ length: threadsPerCore }, (_, index) => index + 1)
}

export function bootModes({
  architecture,
  bareMetal,
  hypervisor,
}: InstanceType): ec2.BootModeType[] {
  if (architecture === 'arm64') return ['uefi']
  return bareMetal || hypervisor === 'xen' ? ['legacy-bios'] : ['legacy-bios', 'uefi']
}

export function supported(value: boolean): 'supported' | 'unsupported' {
  return value ? 'supported' : 'unsupported'
}

function showStorage({ disks }: InstanceType): ec2.InstanceStorageInfo | undefined {
  if (disks === undefined) return undefined
  const { type, count, sizeGb } = disks
  return {
    TotalSizeInGB: count * sizeGb,
    Disks: [{ Type: type, Count: count, SizeInGB: sizeGb }],
    EncryptionSupport: 'required',
    NvmeSupport: 'required',
  }
}

function showEbs({ ebs, ena, maxVolumes, traits }: InstanceType): ec2.EbsInfo {
  return {
    EbsOptimizedSupport: ebs === undefined ? 'unsupported' : 'default',
    EncryptionSupport: 'supported',
    EbsOptimizedInfo: ebs && {
      BaselineBandwidthInMbps: ebs.mbps.baseline,
      BaselineThroughputInMBps: ebs.throughput.baseline,
      BaselineIops: ebs.iops.baseline,
      MaximumBandwidthInMbps: ebs.mbps.maximum,
      MaximumThroughputInMBps: ebs.throughput.maximum,
      MaximumIops: ebs.iops.maximum,
    },
    // Volumes and network cards came as PCI devices with the same generation of machines.
    NvmeSupport: ena,
    MaximumEbsAttachments: maxVolumes,
    AttachmentLimitType: traits.has('attachments') ? 'dedicated' : 'shared',
  }
}

function showNetwork(type: InstanceType): ec2.NetworkInfo {
  const { traits, networkCards } = type
  return {
    NetworkPerformance: type.networkPerformance,
    MaximumNetworkInterfaces: type.maxInterfaces,
    MaximumNetworkCards: networkCards.length,
    DefaultNetworkCardIndex: 0,
    NetworkCards: networkCards.map((card, index) => showCard(card, index, type)),
    Ipv4AddressesPerInterface: type.addressesPerInterface,
    Ipv6AddressesPerInterface: type.addressesPerInterface,
    Ipv6Supported: true,
    EnaSupport: type.ena,
    EfaSupported: traits.has('efa'),
    EfaInfo: traits.has('efa') ? { MaximumEfaInterfaces: 1 } : undefined,
    EncryptionInTransitSupported: traits.has('transit'),
    EnaSrdSupported: traits.has('express'),
    BandwidthWeightings: traits.has('weightings') ? ['default', 'ebs-1', 'vpc-1'] : undefined,
    FlexibleEnaQueuesSupport: supported(traits.has('flexible-queues')),
    ConnectionTrackingConfiguration: {
      DefaultTcpEstablishedTimeout: traits.has('idle-350') ? 350 : 432_000,
      DefaultUdpStreamTimeout: 180,
      DefaultUdpTimeout: 30,
    },
    SecondaryNetworkSupported: false,
    Ipv4AddressesPerSecondaryInterface: traits.has('secondary') ? 0 : undefined,
  }
}

function showCard(
  card: InstanceType['networkCards'][number],
  index: number,
  { traits }: InstanceType,
): ec2.NetworkCardInfo {
  return {
    NetworkCardIndex: index,
    NetworkPerformance: card.performance,
    MaximumNetworkInterfaces: card.maxInterfaces,
    AdditionalFlexibleNetworkInterfaces: traits.has('flexible-queues') ? 0 : undefined,
    BaselineBandwidthInGbps: card.gbps.baseline,
    PeakBandwidthInGbps: card.gbps.maximum,
    DefaultEnaQueueCountPerInterface: card.queues,
    MaximumEnaQueueCount: card.maxQueues,
    MaximumEnaQueueCountPerInterface: card.maxQueuesPerInterface,
    InterfaceTypes: traits.has('efa') ? ['interface', 'efa', 'efa-only'] : ['interface'],
  }
}
