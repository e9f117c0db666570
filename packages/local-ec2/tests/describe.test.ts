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
  paginateDescribeSecurityGroups,
} from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../src/index.ts'
import { ec2Client, refusal, run, sendSigned } from './clients.ts'

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

test('zones have no tags that a filter could mean', async () => {
  for (const Name of ['tag:Name', 'tag-key']) {
    const Filters = [{ Name, Values: ['*'] }]
    const call = client.send(new DescribeAvailabilityZonesCommand({ Filters }))
    expect(await refusal(call)).toEqual({
      code: 'InvalidParameterValue',
      status: 400,
      message: `The filter '${Name}' is invalid`,
    })
  }
})

test('a filter has room for 200 values, and a call for 50 filters', async () => {
  const values = Array.from({ length: 200 }, (_, n) => (n === 0 ? 'db' : `${n}`))
  const filters = Array.from({ length: 50 }, (): [string, ...string[]] => ['tag:Name', ...values])
  expect(await found(...filters)).toEqual(['db'])
  expect(await refusal(found(['tag:Name', ...values, 'more']))).toEqual({
    code: 'FilterLimitExceeded',
    status: 400,
    message: 'The maximum number of filter values specified on a single call is 200',
  })
  expect(await refusal(found(...filters, ['tag:Name', 'more']))).toEqual({
    code: 'FilterLimitExceeded',
    status: 400,
    message: 'The maximum number of filters specified on a single call is 50',
  })
})

test('a filter value may have 255 characters', async () => {
  expect(await found(['tag:Name', `db${'*'.repeat(253)}`])).toEqual(['db'])
  expect(await refusal(found(['tag:Name', '*'.repeat(256)]))).toMatchObject({
    code: 'InvalidParameterValue',
  })
})

test('a filter without values finds nothing', async () => {
  expect(await found(['tag:Name'])).toEqual([])
})

test.each(['Filter=', 'Filter.1.Value.1=x'])('%s is a filter without a name', async (filter) => {
  const form = `Action=DescribeInstances&Version=2016-11-15&${filter}`
  const answer = await (await sendSigned(local, { form })).text()
  expect(answer).toContain(
    "<Code>InvalidParameterValue</Code><Message>The filter 'null' is invalid</Message>",
  )
})

test('times are found by their text', async () => {
  const { Reservations = [] } = await client.send(new DescribeInstancesCommand({}))
  const launched = Reservations[0]?.Instances?.[0]?.LaunchTime?.toISOString() ?? ''
  expect(launched).toMatch(/\.000Z$/)
  expect(await found(['launch-time', launched])).toContain('web-1')
  expect(await found(['launch-time', `${launched.slice(0, 10)}*`])).toHaveLength(4)
})

test('filters of names that only start alike do not meet', async () => {
  expect(await refusal(found(['instance-state', 'running']))).toMatchObject({
    message: "The filter 'instance-state' is invalid",
  })
  expect(await found(['tag:', 'db'])).toEqual([])
})

test('VPCs, subnets and zones are found by all that is documented of them', async () => {
  const { Vpcs: [vpc = {}] = [] } = await client.send(new DescribeVpcsCommand({}))
  const vpcs = async (Name: string, ...Values: string[]) =>
    (await client.send(new DescribeVpcsCommand({ Filters: [{ Name, Values }] }))).Vpcs?.length
  const [association] = vpc.CidrBlockAssociationSet ?? []
  expect(
    await vpcs('cidr-block-association.association-id', association?.AssociationId ?? ''),
  ).toBe(1)
  expect(await vpcs('cidr-block-association.state', 'associated')).toBe(1)
  expect(await vpcs('dhcp-options-id', vpc.DhcpOptionsId ?? '')).toBe(1)
  expect(await vpcs('ipv6-cidr-block-association.state', '*')).toBe(0)
  expect(await vpcs('vpc-id', vpc.VpcId ?? '')).toBe(1)

  const subnets = async (Name: string, ...Values: string[]) =>
    (await client.send(new DescribeSubnetsCommand({ Filters: [{ Name, Values }] }))).Subnets?.map(
      ({ AvailabilityZone }) => AvailabilityZone,
    )
  for (const name of ['availability-zone', 'availabilityZone']) {
    expect(await subnets(name, 'us-east-1b')).toEqual(['us-east-1b'])
  }
  for (const name of ['cidr', 'cidr-block', 'cidrBlock']) {
    expect(await subnets(name, '172.31.64.0/18')).toEqual(['us-east-1b'])
  }
  expect(await subnets('private-dns-name-options-on-launch.hostname-type', 'ip-name')).toContain(
    'us-east-1a',
  )
  expect(await subnets('outpost-arn', '*')).toEqual([])

  const { AvailabilityZones } = await client.send(
    new DescribeAvailabilityZonesCommand({
      Filters: [
        { Name: 'group-long-name', Values: ['US East (N. Virginia) 1'] },
        { Name: 'zone-name', Values: ['*c'] },
      ],
    }),
  )
  expect(AvailabilityZones?.map(({ ZoneName }) => ZoneName)).toEqual(['us-east-1c'])
})

test('a subnet tells how many addresses are left in it', async () => {
  await using empty = await startLocalEc2({ machine: 'none' })
  const there = ec2Client(empty)
  const left = async (): Promise<(number | undefined)[]> => {
    const { Subnets = [] } = await there.send(new DescribeSubnetsCommand({}))
    return Subnets.map(({ AvailableIpAddressCount }) => AvailableIpAddressCount)
  }
  const [before = 0, ...others] = await left()
  expect(before).toBe(2 ** 14 - 5)
  await run(there, { MinCount: 3, MaxCount: 3 })
  expect(await left()).toEqual([before - 3, ...others])
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
