/** DescribeInstanceTypes. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { ApiError } from '../query/api-error.ts'
import { type InstanceType, instanceTypes } from '../world/instance-types.ts'
import type { Ec2Actions } from './action.ts'
import { type Fields, matcher } from './common/filters.ts'
import { page } from './common/paging.ts'

export const instanceTypeActions: Ec2Actions = {
  DescribeInstanceTypes: {
    accepts: {
      InstanceTypes: true,
      Filters: true,
      MaxResults: true,
      NextToken: true,
      DryRun: true,
    },
    plan(input) {
      const { InstanceTypes: patterns = [], Filters } = input
      const unknown = patterns.filter((name) => !instanceTypes.has(name))
      if (unknown.length > 0) {
        throw new ApiError(
          'InvalidInstanceType',
          `The following supplied instance types do not exist: [${unknown.join(', ')}]`,
        )
      }
      if (patterns.length > 100) {
        throw new ApiError('InvalidParameterValue', 'At most 100 instance types can be named')
      }
      if (patterns.length > 0 && input.MaxResults !== undefined) {
        throw new ApiError(
          'InvalidParameterCombination',
          'The parameter instanceTypes cannot be used with the parameter maxResults',
        )
      }
      const matches = matcher(fields, Filters)
      const chosen = [...instanceTypes.values()].filter(
        (type) =>
          (patterns.length === 0 || patterns.some((name) => name === type.name)) && matches(type),
      )
      const { items, NextToken } = page(chosen, input, {
        limits: { min: 5, max: 100 },
        query: JSON.stringify(['instance-type', Filters]),
      })
      return () => ({ InstanceTypes: items.map(show), NextToken })
    },
  },
}

const fields: Fields<InstanceType & { tags?: never }> = {
  'bare-metal': () => false,
  'burstable-performance-supported': ({ burstable }) => burstable,
  'current-generation': () => true,
  'ebs-info.ebs-optimized-support': () => 'default',
  'ebs-info.encryption-support': () => 'supported',
  'ebs-info.nvme-support': () => 'required',
  hypervisor: () => 'nitro',
  'instance-storage-supported': () => false,
  'instance-type': ({ name }) => name,
  'memory-info.size-in-mib': ({ memoryMib }) => memoryMib,
  'network-info.ena-support': () => 'required',
  'network-info.ipv4-addresses-per-interface': ({ addressesPerInterface }) => addressesPerInterface,
  'network-info.maximum-network-interfaces': ({ maxInterfaces }) => maxInterfaces,
  'network-info.network-performance': ({ networkPerformance }) => networkPerformance,
  'processor-info.supported-architecture': ({ architecture }) => architecture,
  'supported-root-device-type': () => 'ebs',
  'supported-usage-class': () => 'on-demand',
  'supported-virtualization-type': () => 'hvm',
  'vcpu-info.default-cores': ({ cores }) => cores,
  'vcpu-info.default-threads-per-core': ({ vcpus, cores }) => vcpus / cores,
  'vcpu-info.default-vcpus': ({ vcpus }) => vcpus,
}

function show(type: InstanceType): ec2.InstanceTypeInfo {
  const { vcpus, cores } = type
  return {
    InstanceType: type.name,
    CurrentGeneration: true,
    BareMetal: false,
    Hypervisor: 'nitro',
    SupportedUsageClasses: ['on-demand'],
    SupportedRootDeviceTypes: ['ebs'],
    SupportedVirtualizationTypes: ['hvm'],
    BurstablePerformanceSupported: type.burstable,
    InstanceStorageSupported: false,
    ProcessorInfo: {
      Manufacturer: type.manufacturer,
      SupportedArchitectures: [type.architecture],
    },
    VCpuInfo: {
      DefaultVCpus: vcpus,
      DefaultCores: cores,
      DefaultThreadsPerCore: vcpus / cores,
    },
    MemoryInfo: { SizeInMiB: type.memoryMib },
    EbsInfo: {
      EbsOptimizedSupport: 'default',
      EncryptionSupport: 'supported',
      NvmeSupport: 'required',
    },
    NetworkInfo: {
      NetworkPerformance: type.networkPerformance,
      MaximumNetworkInterfaces: type.maxInterfaces,
      MaximumNetworkCards: 1,
      DefaultNetworkCardIndex: 0,
      Ipv4AddressesPerInterface: type.addressesPerInterface,
      Ipv6AddressesPerInterface: type.addressesPerInterface,
      Ipv6Supported: true,
      EnaSupport: 'required',
    },
  }
}
