import {
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeAvailabilityZonesCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVolumesCommand,
  DescribeVpcsCommand,
  type EC2Client,
  type Filter,
  paginateDescribeInstances,
  paginateDescribeInstanceTypes,
  paginateDescribeSecurityGroups,
} from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../src/index.ts'
import { ec2Client, refusal, run } from './clients.ts'

let local: LocalEc2
let client: EC2Client
const named: Record<string, string> = {}

beforeAll(async () => {
  local = await startLocalEc2({ machine: 'none' })
  client = ec2Client(local)
  for (const [name, type] of [
    ['web-1', 'c7i.large'],
    ['web-22', 'm7i.large'],
    ['a*b', 'm7i.large'],
    ['db', 't3.small'],
  ] as const) {
    const [instance] = await run(client, {
      InstanceType: type,
      ClientToken: `token-of-${name}`,
      TagSpecifications: [
        {
          ResourceType: 'instance',
          Tags: [
            { Key: 'Name', Value: name },
            { Key: `is-${type}`, Value: '' },
          ],
        },
      ],
    })
    named[name] = instance?.InstanceId ?? ''
  }
})
afterAll(() => local.close())

async function found(...filters: [name: string, ...values: string[]][]): Promise<string[]> {
  const Filters: Filter[] = filters.map(([Name, ...Values]) => ({ Name, Values }))
  const { Reservations = [] } = await client.send(new DescribeInstancesCommand({ Filters }))
  const ids = Reservations.flatMap(({ Instances = [] }) => Instances.map((i) => i.InstanceId ?? ''))
  return ids.map((id) => Object.keys(named).find((name) => named[name] === id) ?? id)
}

test.each<[string, [string, ...string[]][], string[]]>([
  ['values are alternatives', [['tag:Name', 'db', 'web-1']], ['web-1', 'db']],
  [
    'filters must all hold',
    [
      ['tag:Name', 'db', 'web-1'],
      ['instance-type', 't3.*'],
    ],
    ['db'],
  ],
  ['* is any text', [['tag:Name', 'web-*']], ['web-1', 'web-22']],
  ['? is one character or none', [['tag:Name', 'web-??']], ['web-1', 'web-22']],
  ['a backslash takes the meaning from *', [['tag:Name', 'a\\*b']], ['a*b']],
  ['case matters', [['tag:Name', 'DB']], []],
  ['a tag can be asked for by its key', [['tag-key', 'is-c7i*']], ['web-1']],
  ['an empty tag value can be asked for', [['tag:is-t3.small', '']], ['db']],
  ['a token finds its instance', [['client-token', 'token-of-db']], ['db']],
  ['nothing is terminated yet', [['instance-state-name', 'terminated']], []],
  [
    'states can be listed',
    [
      ['instance-state-name', 'pending', 'running', 'stopping'],
      ['instance-state-code', '16'],
    ],
    ['web-1', 'web-22', 'a*b', 'db'],
  ],
  ['architecture', [['architecture', 'arm64']], []],
  [
    'groups of the interface',
    [
      ['instance.group-name', 'default'],
      ['tag:Name', 'db'],
    ],
    ['db'],
  ],
])('filters: %s', async (_, filters, names) => {
  expect(await found(...filters)).toEqual(names)
})

test.each([
  ['instances', (Filters: Filter[]) => client.send(new DescribeInstancesCommand({ Filters }))],
  ['volumes', (Filters: Filter[]) => client.send(new DescribeVolumesCommand({ Filters }))],
  [
    'interfaces',
    (Filters: Filter[]) => client.send(new DescribeNetworkInterfacesCommand({ Filters })),
  ],
  ['groups', (Filters: Filter[]) => client.send(new DescribeSecurityGroupsCommand({ Filters }))],
  ['VPCs', (Filters: Filter[]) => client.send(new DescribeVpcsCommand({ Filters }))],
  ['subnets', (Filters: Filter[]) => client.send(new DescribeSubnetsCommand({ Filters }))],
  ['images', (Filters: Filter[]) => client.send(new DescribeImagesCommand({ Filters }))],
  ['types', (Filters: Filter[]) => client.send(new DescribeInstanceTypesCommand({ Filters }))],
  ['zones', (Filters: Filter[]) => client.send(new DescribeAvailabilityZonesCommand({ Filters }))],
])('a filter that %s do not have is refused, not ignored', async (_, describe) => {
  expect(await refusal(describe([{ Name: 'toString', Values: ['*'] }]))).toEqual({
    code: 'InvalidParameterValue',
    status: 400,
    message: "The filter 'toString' is invalid",
  })
})

test('more than 200 filter values are refused', async () => {
  const values = Array.from({ length: 201 }, String)
  expect(await refusal(found(['tag:Name', ...values]))).toMatchObject({
    code: 'FilterLimitExceeded',
  })
})

test('pages hold what was asked for and neither repeat nor lose anything', async () => {
  await using crowded = await startLocalEc2({ machine: 'none' })
  const there = ec2Client(crowded)
  const ids = [
    ...(await run(there, { MinCount: 7, MaxCount: 7 })),
    ...(await run(there, { MinCount: 6, MaxCount: 6 })),
  ].map(({ InstanceId }) => InstanceId)
  const pages: string[][] = []
  for await (const { Reservations = [] } of paginateDescribeInstances(
    { client: there, pageSize: 5 },
    {},
  )) {
    pages.push(
      Reservations.flatMap(({ Instances = [] }) => Instances.map((i) => i.InstanceId ?? '')),
    )
  }
  expect(pages.map(({ length }) => length)).toEqual([5, 5, 3])
  expect(pages.flat()).toEqual(ids)
})

test('a page does not move when what it ended with is deleted', async () => {
  await using other = await startLocalEc2({ machine: 'none' })
  const there = ec2Client(other)
  for (let n = 0; n < 9; n++) {
    await there.send(new CreateSecurityGroupCommand({ GroupName: `g${n}`, Description: 'x' }))
  }
  const names: (string | undefined)[] = []
  for await (const { SecurityGroups = [] } of paginateDescribeSecurityGroups(
    { client: there, pageSize: 5 },
    {},
  )) {
    names.push(...SecurityGroups.map(({ GroupName }) => GroupName))
    for (const { GroupId, GroupName } of SecurityGroups) {
      if (GroupName === 'default') continue
      await there.send(new DeleteSecurityGroupCommand({ GroupId }))
    }
  }
  expect(names).toEqual(['default', ...Array.from({ length: 9 }, (_, n) => `g${n}`)])
})

test.each([
  [
    4,
    'Value ( 4 ) for parameter maxResults is invalid. Expecting a value greater than or equal to 5.',
  ],
  [
    1001,
    'Value ( 1001 ) for parameter maxResults is invalid. Expecting a value less than or equal to 1000.',
  ],
])('a page of %d is refused', async (MaxResults, message) => {
  expect(await refusal(client.send(new DescribeInstancesCommand({ MaxResults })))).toEqual({
    code: 'InvalidParameterValue',
    status: 400,
    message,
  })
})

test('pages and ids exclude each other', async () => {
  const InstanceIds = [named['db'] ?? '']
  expect(
    await refusal(client.send(new DescribeInstancesCommand({ InstanceIds, MaxResults: 5 }))),
  ).toEqual({
    code: 'InvalidParameterCombination',
    status: 400,
    message: 'The parameter instancesSet cannot be used with the parameter maxResults',
  })
})

test('a token that is made up, or of another query, is refused', async () => {
  const types = await client.send(new DescribeInstanceTypesCommand({ MaxResults: 5 }))
  const { NextToken } = types
  expect(NextToken).toBeDefined()
  for (const command of [
    new DescribeInstanceTypesCommand({ NextToken: 'bWFkZSB1cA' }),
    new DescribeInstanceTypesCommand({
      NextToken,
      Filters: [{ Name: 'bare-metal', Values: ['false'] }],
    }),
  ]) {
    expect(await refusal(client.send(command))).toEqual({
      code: 'InvalidPaginationToken',
      status: 400,
      message: 'The specified pagination token is not valid',
    })
  }
  expect(await refusal(client.send(new DescribeInstancesCommand({ NextToken })))).toMatchObject({
    code: 'InvalidPaginationToken',
  })
})

const absent = '0123456789abcdef0'
const byId = {
  i: (id: string) => client.send(new DescribeInstancesCommand({ InstanceIds: [id] })),
  vol: (id: string) => client.send(new DescribeVolumesCommand({ VolumeIds: [id] })),
  eni: (id: string) =>
    client.send(new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [id] })),
  sg: (id: string) => client.send(new DescribeSecurityGroupsCommand({ GroupIds: [id] })),
  vpc: (id: string) => client.send(new DescribeVpcsCommand({ VpcIds: [id] })),
  subnet: (id: string) => client.send(new DescribeSubnetsCommand({ SubnetIds: [id] })),
  ami: (id: string) => client.send(new DescribeImagesCommand({ ImageIds: [id] })),
}

test.each([
  ['i', 'InvalidInstanceID', `The instance ID 'i-${absent}' does not exist`],
  ['vol', 'InvalidVolume', `The volume 'vol-${absent}' does not exist.`],
  ['eni', 'InvalidNetworkInterfaceID', `The networkInterface ID 'eni-${absent}' does not exist`],
  ['sg', 'InvalidGroup', `The security group 'sg-${absent}' does not exist`],
  ['vpc', 'InvalidVpcID', `The vpc ID 'vpc-${absent}' does not exist`],
  ['subnet', 'InvalidSubnetID', `The subnet ID 'subnet-${absent}' does not exist`],
  ['ami', 'InvalidAMIID', `The image id '[ami-${absent}]' does not exist`],
] as const)('an id %s-… that does not exist is refused', async (prefix, code, message) => {
  expect(await refusal(byId[prefix](`${prefix}-${absent}`))).toEqual({
    code: `${code}.NotFound`,
    status: 400,
    message,
  })
})

test.each([
  ['i', 'InvalidInstanceID.Malformed'],
  ['vol', 'InvalidVolumeID.Malformed'],
  ['eni', 'InvalidNetworkInterfaceId.Malformed'],
  ['sg', 'InvalidGroupId.Malformed'],
  ['vpc', 'InvalidVpcID.Malformed'],
  ['subnet', 'InvalidSubnetID.Malformed'],
  ['ami', 'InvalidAMIID.Malformed'],
] as const)('what cannot be an id %s-… at all is told apart', async (prefix, code) => {
  const id = `${prefix}-${absent}0`
  expect(await refusal(byId[prefix](id))).toEqual({
    code,
    status: 400,
    message: `Invalid id: "${id}" (expecting "${prefix}-...")`,
  })
})

test('the newest Debian is found as people look for it', async () => {
  const { Images = [] } = await client.send(
    new DescribeImagesCommand({
      Owners: ['136693071363'],
      Filters: [
        { Name: 'name', Values: ['debian-12-*'] },
        { Name: 'architecture', Values: ['arm64'] },
        { Name: 'state', Values: ['available'] },
        { Name: 'root-device-type', Values: ['ebs'] },
      ],
    }),
  )
  const dates = Images.map(({ CreationDate = '' }) => CreationDate)
  expect(new Set(dates).size).toBe(3)
  const newest = Images.find(({ CreationDate }) => CreationDate === dates.toSorted().at(-1))
  expect(newest).toMatchObject({
    Name: 'debian-12-arm64-20251006-2257',
    RootDeviceName: '/dev/xvda',
    Architecture: 'arm64',
    OwnerId: '136693071363',
  })
})

test.each([
  [
    { Owners: ['099720109477'] },
    /^ubuntu\/images\/hvm-ssd-gp3\/ubuntu-noble-24\.04-(amd64|arm64)-server-\d{8}$/,
    6,
  ],
  [{ Owners: ['amazon'] }, /^al2023-ami-2023\.[\d.]+-kernel-6\.1-(x86_64|arm64)$/, 6],
  [{ Owners: ['self'] }, /^$/, 0],
])('images of %j', async (input, name, count) => {
  const { Images = [] } = await client.send(new DescribeImagesCommand(input))
  expect(Images).toHaveLength(count)
  for (const { Name } of Images) expect(Name).toMatch(name)
})

test('an owner is an account or a known alias, not a name', async () => {
  const call = client.send(new DescribeImagesCommand({ Owners: ['canonical'] }))
  expect(await refusal(call)).toEqual({
    code: 'InvalidUserID.Malformed',
    status: 400,
    message: 'Invalid user id: "canonical"',
  })
})

test('instance types say what they are', async () => {
  const { InstanceTypes } = await client.send(
    new DescribeInstanceTypesCommand({ InstanceTypes: ['c8g.large', 'm7i.2xlarge'] }),
  )
  const byName = Object.fromEntries(InstanceTypes?.map((type) => [type.InstanceType, type]) ?? [])
  expect(byName).toMatchObject({
    'c8g.large': {
      ProcessorInfo: { SupportedArchitectures: ['arm64'], Manufacturer: 'AWS' },
      VCpuInfo: { DefaultVCpus: 2, DefaultCores: 2, DefaultThreadsPerCore: 1 },
      MemoryInfo: { SizeInMiB: 4096 },
      NetworkInfo: { NetworkPerformance: 'Up to 12.5 Gigabit' },
    },
    'm7i.2xlarge': {
      ProcessorInfo: { SupportedArchitectures: ['x86_64'], Manufacturer: 'Intel' },
      VCpuInfo: { DefaultVCpus: 8, DefaultCores: 4, DefaultThreadsPerCore: 2 },
      MemoryInfo: { SizeInMiB: 32_768 },
    },
  })

  const unknown = new DescribeInstanceTypesCommand({ InstanceTypes: ['c8g.large'] })
  Object.assign(unknown.input, { InstanceTypes: ['c8g.large', 'm99.huge'] })
  expect(await refusal(client.send(unknown))).toEqual({
    code: 'InvalidInstanceType',
    status: 400,
    message: 'The following supplied instance types do not exist: [m99.huge]',
  })
})

test('all instance types come in pages', async () => {
  let count = 0
  for await (const page of paginateDescribeInstanceTypes({ client, pageSize: 10 }, {})) {
    count += page.InstanceTypes?.length ?? 0
  }
  expect(count).toBeGreaterThanOrEqual(25)
})

test('there is a default VPC with a subnet in every zone, all inside its range', async () => {
  const { Vpcs = [] } = await client.send(
    new DescribeVpcsCommand({ Filters: [{ Name: 'is-default', Values: ['true'] }] }),
  )
  expect(Vpcs).toMatchObject([{ CidrBlock: '172.31.0.0/16', IsDefault: true, State: 'available' }])
  const { Subnets = [] } = await client.send(
    new DescribeSubnetsCommand({ Filters: [{ Name: 'default-for-az', Values: ['true'] }] }),
  )
  expect(Subnets.map(({ AvailabilityZone, CidrBlock }) => [AvailabilityZone, CidrBlock])).toEqual([
    ['us-east-1a', '172.31.0.0/18'],
    ['us-east-1b', '172.31.64.0/18'],
    ['us-east-1c', '172.31.128.0/18'],
  ])
  const { AvailabilityZones = [] } = await client.send(new DescribeAvailabilityZonesCommand({}))
  expect(AvailabilityZones.map(({ ZoneName }) => ZoneName)).toEqual(
    Subnets.map(({ AvailabilityZone }) => AvailabilityZone),
  )
})
