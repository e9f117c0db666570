import {
  DescribeInstanceTypeOfferingsCommand,
  type DescribeInstanceTypeOfferingsCommandInput,
  DescribeInstanceTypesCommand,
  type DescribeInstanceTypesCommandInput,
  type EC2Client,
  type Filter,
  type InstanceTypeInfo,
  paginateDescribeInstanceTypeOfferings,
  paginateDescribeInstanceTypes,
} from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../src/index.ts'
import { ec2Client, refusal } from './clients.ts'

let local: LocalEc2
let client: EC2Client

beforeAll(async () => {
  local = await startLocalEc2({ machine: 'none' })
  client = ec2Client(local)
})
afterAll(() => local.close())

type Filters = [name: string, ...values: string[]][]

function filtersOf(filters: Filters): Filter[] {
  return filters.map(([Name, ...Values]) => ({ Name, Values }))
}

/** A client whose types do not keep a test from sending a name that they do not know. */
function types(input: Omit<DescribeInstanceTypesCommandInput, 'InstanceTypes'>, wanted?: string[]) {
  const command = new DescribeInstanceTypesCommand(input)
  Object.assign(command.input, { InstanceTypes: wanted })
  return client.send(command)
}

async function one(name: string): Promise<InstanceTypeInfo> {
  const { InstanceTypes = [] } = await types({}, [name])
  const [type, ...others] = InstanceTypes
  if (type === undefined || others.length > 0) throw new Error(`not one answer for ${name}`)
  return type
}

async function names(...filters: Filters): Promise<string[]> {
  const { InstanceTypes = [] } = await types({ Filters: filtersOf(filters) })
  return InstanceTypes.map(({ InstanceType = '' }) => InstanceType)
}

test('a type says all that AWS says of it', async () => {
  expect(await one('m7i.2xlarge')).toEqual({
    InstanceType: 'm7i.2xlarge',
    CurrentGeneration: true,
    FreeTierEligible: false,
    SupportedUsageClasses: ['on-demand', 'spot'],
    SupportedRootDeviceTypes: ['ebs'],
    SupportedVirtualizationTypes: ['hvm'],
    BareMetal: false,
    Hypervisor: 'nitro',
    ProcessorInfo: {
      Manufacturer: 'Intel',
      SupportedArchitectures: ['x86_64'],
      SustainedClockSpeedInGhz: 3.2,
      SupportedFeatures: ['nested-virtualization', 'metal-compatibility'],
    },
    VCpuInfo: {
      DefaultVCpus: 8,
      DefaultCores: 4,
      DefaultThreadsPerCore: 2,
      ValidCores: [1, 2, 3, 4],
      ValidThreadsPerCore: [1, 2],
    },
    MemoryInfo: { SizeInMiB: 32_768 },
    InstanceStorageSupported: false,
    EbsInfo: {
      EbsOptimizedSupport: 'default',
      EncryptionSupport: 'supported',
      EbsOptimizedInfo: {
        BaselineBandwidthInMbps: 2500,
        BaselineThroughputInMBps: 312.5,
        BaselineIops: 12_000,
        MaximumBandwidthInMbps: 10_000,
        MaximumThroughputInMBps: 1250,
        MaximumIops: 40_000,
      },
      NvmeSupport: 'required',
      MaximumEbsAttachments: 32,
      AttachmentLimitType: 'dedicated',
    },
    NetworkInfo: {
      NetworkPerformance: 'Up to 12.5 Gigabit',
      MaximumNetworkInterfaces: 4,
      MaximumNetworkCards: 1,
      DefaultNetworkCardIndex: 0,
      NetworkCards: [
        {
          NetworkCardIndex: 0,
          NetworkPerformance: 'Up to 12.5 Gigabit',
          MaximumNetworkInterfaces: 4,
          BaselineBandwidthInGbps: 3.125,
          PeakBandwidthInGbps: 12.5,
          DefaultEnaQueueCountPerInterface: 8,
          InterfaceTypes: ['interface'],
        },
      ],
      Ipv4AddressesPerInterface: 15,
      Ipv6AddressesPerInterface: 15,
      Ipv6Supported: true,
      EnaSupport: 'required',
      EfaSupported: false,
      EncryptionInTransitSupported: true,
      EnaSrdSupported: false,
      FlexibleEnaQueuesSupport: 'unsupported',
      ConnectionTrackingConfiguration: {
        DefaultTcpEstablishedTimeout: 432_000,
        DefaultUdpStreamTimeout: 180,
        DefaultUdpTimeout: 30,
      },
      SecondaryNetworkSupported: false,
      Ipv4AddressesPerSecondaryInterface: 0,
    },
    PlacementGroupInfo: { SupportedStrategies: ['cluster', 'partition', 'spread'] },
    HibernationSupported: true,
    BurstablePerformanceSupported: false,
    DedicatedHostsSupported: true,
    AutoRecoverySupported: true,
    SupportedBootModes: ['legacy-bios', 'uefi'],
    NitroEnclavesSupport: 'supported',
    NitroTpmSupport: 'supported',
    NitroTpmInfo: { SupportedVersions: ['2.0'] },
    PhcSupport: 'supported',
    RebootMigrationSupport: 'supported',
    SupportedInRegion: true,
  })
})

test.each([
  [
    'a Graviton core has one thread and boots by UEFI',
    'c8g.large',
    {
      ProcessorInfo: { Manufacturer: 'AWS', SupportedArchitectures: ['arm64'] },
      VCpuInfo: { DefaultVCpus: 2, DefaultCores: 2, ValidThreadsPerCore: [1] },
      SupportedBootModes: ['uefi'],
    },
  ],
  [
    'bare metal has no hypervisor, and no choice of cores',
    'm5.metal',
    {
      BareMetal: true,
      SupportedBootModes: ['legacy-bios'],
      VCpuInfo: { DefaultCores: 48, DefaultThreadsPerCore: 2, DefaultVCpus: 96 },
      MemoryInfo: { SizeInMiB: 393_216 },
    },
  ],
  [
    'the oldest burstable type runs under Xen, without ENA, NVMe and EBS optimization',
    't2.micro',
    {
      Hypervisor: 'xen',
      CurrentGeneration: true,
      BurstablePerformanceSupported: true,
      FreeTierEligible: false,
      ProcessorInfo: { SupportedArchitectures: ['i386', 'x86_64'] },
      NetworkInfo: { EnaSupport: 'unsupported', NetworkPerformance: 'Low to Moderate' },
      EbsInfo: {
        EbsOptimizedSupport: 'unsupported',
        NvmeSupport: 'unsupported',
      },
    },
  ],
  [
    'disks of its own',
    'd3.xlarge',
    {
      InstanceStorageSupported: true,
      InstanceStorageInfo: {
        TotalSizeInGB: 5940,
        Disks: [{ Type: 'hdd', Count: 3, SizeInGB: 1980 }],
        NvmeSupport: 'required',
        EncryptionSupport: 'required',
      },
    },
  ],
  [
    'an Elastic Fabric Adapter',
    'c5n.18xlarge',
    {
      NetworkInfo: {
        EfaSupported: true,
        EfaInfo: { MaximumEfaInterfaces: 1 },
        NetworkCards: [
          { PeakBandwidthInGbps: 100, InterfaceTypes: ['interface', 'efa', 'efa-only'] },
        ],
      },
    },
  ],
  [
    'two network cards',
    'i7ie.48xlarge',
    {
      NetworkInfo: {
        NetworkPerformance: '200 Gigabit',
        MaximumNetworkInterfaces: 15,
        MaximumNetworkCards: 2,
        NetworkCards: [
          { NetworkCardIndex: 0, MaximumNetworkInterfaces: 8, NetworkPerformance: '100 Gigabit' },
          { NetworkCardIndex: 1, MaximumNetworkInterfaces: 7, NetworkPerformance: '100 Gigabit' },
        ],
      },
    },
  ],
])('%s (%s)', async (_, name, facts) => {
  expect(await one(name)).toMatchObject(facts)
})

test.each([
  ['m5.metal', ['Hypervisor', 'NitroTpmInfo', 'InstanceStorageInfo', 'VCpuInfo.ValidCores']],
  ['t2.micro', ['EbsInfo.EbsOptimizedInfo', 'VCpuInfo.ValidCores', 'NetworkInfo.EfaInfo']],
])('%s does not speak of %j', async (name, members) => {
  const type = await one(name)
  for (const member of members) expect(type).not.toHaveProperty(member)
})

test('there are more than 500, of both architectures, and each once', async () => {
  const all = await names()
  expect(all.length).toBeGreaterThan(500)
  expect(new Set(all).size).toBe(all.length)
  expect(await names(['processor-info.supported-architecture', 'arm64'])).toHaveLength(
    all.length - (await names(['processor-info.supported-architecture', 'x86_64'])).length,
  )
})

test('of every type the parts agree with each other', async () => {
  const { InstanceTypes = [] } = await types({})
  expect(
    InstanceTypes.filter((type) => contradicts(type)).map(({ InstanceType }) => InstanceType),
  ).toEqual([])
})

function contradicts({ VCpuInfo, EbsInfo, NetworkInfo, ...type }: InstanceTypeInfo): boolean {
  const { DefaultVCpus, DefaultCores = 0, DefaultThreadsPerCore = 0 } = VCpuInfo ?? {}
  const { ValidCores = [DefaultCores] } = VCpuInfo ?? {}
  const { NetworkCards = [], MaximumNetworkInterfaces } = NetworkInfo ?? {}
  const interfaces = NetworkCards.reduce(
    (sum, card) => sum + (card.MaximumNetworkInterfaces ?? 0),
    0,
  )
  const { BaselineIops = 0, MaximumIops = 0 } = EbsInfo?.EbsOptimizedInfo ?? {}
  return (
    DefaultCores * DefaultThreadsPerCore !== DefaultVCpus ||
    !ValidCores.includes(DefaultCores) ||
    interfaces !== MaximumNetworkInterfaces ||
    BaselineIops > MaximumIops ||
    (type.Hypervisor === undefined) !== type.BareMetal ||
    !((type.MemoryInfo?.SizeInMiB ?? 0) >= 512) ||
    !((EbsInfo?.MaximumEbsAttachments ?? 0) > 0) ||
    !((type.ProcessorInfo?.SustainedClockSpeedInGhz ?? 0) > 2)
  )
}

test.each<[Filters, string[]]>([
  [[['instance-type', 'm7i.2xl*', 't3.?icro']], ['t3.micro', 'm7i.2xlarge']],
  [
    [
      ['vcpu-info.default-vcpus', '4'],
      ['memory-info.size-in-mib', '8192'],
      ['processor-info.supported-architecture', 'arm64'],
      ['current-generation', 'true'],
      ['instance-storage-supported', 'false'],
    ],
    ['c6g.xlarge', 'c7g.xlarge', 'c7gn.xlarge', 'c8g.xlarge', 'c9g.xlarge'],
  ],
  [
    [['free-tier-eligible', 'true']],
    ['t3.micro', 't3.small', 't4g.micro', 't4g.small', 'm7i-flex.large', 'c7i-flex.large'],
  ],
  [
    [
      ['bare-metal', 'true'],
      ['network-info.efa-supported', 'true'],
      ['instance-type', 'm6*'],
    ],
    ['m6i.metal', 'm6a.metal'],
  ],
  [
    [
      ['instance-storage-info.disk.type', 'hdd'],
      ['instance-storage-info.total-size-in-gb', '5940', '11880'],
    ],
    ['d3.xlarge', 'd3.2xlarge'],
  ],
  [
    [
      ['hypervisor', 'xen'],
      ['burstable-performance-supported', 'false'],
      ['vcpu-info.valid-cores', '32'],
    ],
    ['i3.16xlarge'],
  ],
  [[['supported-usage-class', 'capacity-block']], []],
  [
    [
      ['ebs-info.ebs-optimized-support', 'unsupported'],
      ['processor-info.supported-architecture', 'i386'],
      ['supported-boot-mode', 'legacy-bios'],
    ],
    ['t2.nano', 't2.micro', 't2.small', 't2.medium'],
  ],
])('types by %j', async (filters, expected) => {
  expect(await names(...filters)).toEqual(expected)
})

test.each([
  'instance-type-name',
  'tag:Name',
  'tag-key',
  'placement-group-info.supported-strategies',
])('a filter %s, which types do not have, is refused', async (name) => {
  expect(await refusal(names([name, '*']))).toEqual({
    code: 'InvalidParameterValue',
    status: 400,
    message: `The filter '${name}' is invalid`,
  })
})

test.each<[string, DescribeInstanceTypesCommandInput, string[] | undefined, string, string]>([
  [
    'a type that does not exist',
    {},
    ['c8g.large', 'm99.huge', 'm7i.*'],
    'InvalidInstanceType',
    'The following supplied instance types do not exist: [m99.huge, m7i.*]',
  ],
  [
    'more than 100 names',
    {},
    Array.from({ length: 101 }, () => 't3.micro'),
    'InvalidParameterValue',
    'The maximum number of instance types specified on a single call is 100',
  ],
  [
    'names on a page',
    { MaxResults: 5 },
    ['t3.micro'],
    'InvalidParameterCombination',
    'The parameter instanceTypes cannot be used with the parameter maxResults',
  ],
  [
    'a page of 4',
    { MaxResults: 4 },
    undefined,
    'InvalidParameterValue',
    'Value ( 4 ) for parameter maxResults is invalid. Expecting a value greater than or equal to 5.',
  ],
  [
    'a page of 101',
    { MaxResults: 101 },
    undefined,
    'InvalidParameterValue',
    'Value ( 101 ) for parameter maxResults is invalid. Expecting a value less than or equal to 100.',
  ],
  [
    'types of other regions',
    { IncludeUnsupportedInRegion: true },
    undefined,
    'UnsupportedOperation',
    'Types that the region does not have are not known to this local endpoint.',
  ],
])('%s: refused', async (_, input, wanted, code, message) => {
  expect(await refusal(types(input, wanted))).toEqual({ code, status: 400, message })
})

test('all types come in pages, each once', async () => {
  const Filters = filtersOf([['current-generation', 'true']])
  const paged: (string | undefined)[] = []
  for await (const { InstanceTypes = [] } of paginateDescribeInstanceTypes(
    { client, pageSize: 100 },
    { Filters },
  )) {
    expect(InstanceTypes.length).toBeLessThanOrEqual(100)
    paged.push(...InstanceTypes.map(({ InstanceType }) => InstanceType))
  }
  expect(paged).toEqual(await names(['current-generation', 'true']))
})

async function offerings(
  LocationType: DescribeInstanceTypeOfferingsCommandInput['LocationType'],
  ...filters: Filters
): Promise<string[]> {
  const { InstanceTypeOfferings = [] } = await client.send(
    new DescribeInstanceTypeOfferingsCommand({ LocationType, Filters: filtersOf(filters) }),
  )
  return InstanceTypeOfferings.map((offering) => {
    expect(offering.LocationType).toBe(LocationType ?? 'region')
    return `${offering.Location} ${offering.InstanceType}`
  })
}

test('the region offers every type', async () => {
  const all = await names()
  expect(await offerings(undefined)).toEqual(all.map((name) => `us-east-1 ${name}`))
})

test('one zone lacks what AWS does not have there', async () => {
  const kinds: Filters = [['instance-type', 'a1.large', 'x2iezn.metal', 'm5n.*large', 'c5d.12*']]
  const everywhere = ['m5n.large', 'm5n.xlarge', 'm5n.2xlarge', 'm5n.4xlarge', 'm5n.8xlarge']
  const inOne = await offerings('availability-zone', ...kinds, ['location', 'us-east-1a'])
  expect(inOne.slice(0, 5)).toEqual(everywhere.map((name) => `us-east-1a ${name}`))
  expect(inOne.filter((text) => !text.includes('m5n'))).toEqual([])
  for (const zone of ['us-east-1b', 'us-east-1c']) {
    const there = await offerings('availability-zone', ...kinds, ['location', zone])
    expect(there).toEqual(
      expect.arrayContaining([`${zone} a1.large`, `${zone} x2iezn.metal`, `${zone} c5d.12xlarge`]),
    )
  }
})

test('zones go by name or by id', async () => {
  expect(await offerings('availability-zone', ['instance-type', 'a1.metal', 't3.nano'])).toEqual([
    'us-east-1b a1.metal',
    'us-east-1c a1.metal',
    'us-east-1a t3.nano',
    'us-east-1b t3.nano',
    'us-east-1c t3.nano',
  ])
  expect(await offerings('availability-zone-id', ['instance-type', 'a1.metal'])).toEqual([
    'use1-az2 a1.metal',
    'use1-az4 a1.metal',
  ])
})

test('there is no Outpost, and no type in another region', async () => {
  expect(await offerings('outpost')).toEqual([])
  expect(await offerings('region', ['location', 'eu-central-1'])).toEqual([])
})

test('offerings come in pages of up to 1000', async () => {
  const paged: string[] = []
  for await (const { InstanceTypeOfferings = [] } of paginateDescribeInstanceTypeOfferings(
    { client, pageSize: 1000 },
    { LocationType: 'availability-zone' },
  )) {
    paged.push(...InstanceTypeOfferings.map((o) => `${o.Location} ${o.InstanceType}`))
  }
  expect(paged).toEqual(await offerings('availability-zone'))
  expect(paged.length).toBeGreaterThan(1000)
  const tooMany = new DescribeInstanceTypeOfferingsCommand({ MaxResults: 1001 })
  expect(await refusal(client.send(tooMany))).toEqual({
    code: 'InvalidParameterValue',
    status: 400,
    message:
      'Value ( 1001 ) for parameter maxResults is invalid. Expecting a value less than or equal to 1000.',
  })
})

test('offerings have two filters, and four kinds of places', async () => {
  expect(await refusal(offerings('region', ['vcpu-info.default-vcpus', '2']))).toEqual({
    code: 'InvalidParameterValue',
    status: 400,
    message: "The filter 'vcpu-info.default-vcpus' is invalid",
  })
  const command = new DescribeInstanceTypeOfferingsCommand({})
  Object.assign(command.input, { LocationType: 'planet' })
  expect(await refusal(client.send(command))).toEqual({
    code: 'InvalidParameterValue',
    status: 400,
    message:
      'Value (planet) for parameter locationType is invalid. Valid values are: region, availability-zone, availability-zone-id, outpost.',
  })
})
