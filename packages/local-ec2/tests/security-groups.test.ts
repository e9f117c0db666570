import {
  AuthorizeSecurityGroupIngressCommand,
  type AuthorizeSecurityGroupIngressCommandInput,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeSecurityGroupsCommand,
  type EC2Client,
  type IpPermission,
  ModifyInstanceAttributeCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type LocalEc2, serve } from '../src/server.ts'
import { ec2Client, refusal, run } from './clients.ts'
import { ScriptedHost } from './scripted-host.ts'

let host: ScriptedHost
let local: LocalEc2
let client: EC2Client

beforeEach(async () => {
  host = new ScriptedHost()
  local = await serve(host)
  client = ec2Client(local)
})
afterEach(() => local.close())

async function create(name: string): Promise<string> {
  const { GroupId = '' } = await client.send(
    new CreateSecurityGroupCommand({ GroupName: name, Description: 'made by a test' }),
  )
  return GroupId
}

function remove(id: string): Promise<unknown> {
  return client.send(new DeleteSecurityGroupCommand({ GroupId: id }))
}

function allow(input: AuthorizeSecurityGroupIngressCommandInput) {
  return client.send(new AuthorizeSecurityGroupIngressCommand(input))
}

async function defaultGroup(): Promise<string> {
  const { SecurityGroups } = await client.send(
    new DescribeSecurityGroupsCommand({ GroupNames: ['default'] }),
  )
  return SecurityGroups?.[0]?.GroupId ?? ''
}

const ssh = (...cidrs: string[]): IpPermission => ({
  IpProtocol: 'tcp',
  FromPort: 22,
  ToPort: 22,
  IpRanges: cidrs.map((CidrIp) => ({ CidrIp })),
})

const inUse = (id: string) => ({
  code: 'DependencyViolation',
  status: 400,
  message: `resource ${id} has a dependent object`,
})

test('a group is made with its tags, lets everything out and nothing in', async () => {
  const Tags = [{ Key: 'run', Value: '1' }]
  const { GroupId } = await client.send(
    new CreateSecurityGroupCommand({
      GroupName: 'one',
      Description: 'for one run',
      TagSpecifications: [{ ResourceType: 'security-group', Tags }],
    }),
  )
  const { SecurityGroups } = await client.send(
    new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'tag:run', Values: ['1'] }] }),
  )
  expect(SecurityGroups).toMatchObject([
    {
      GroupId,
      GroupName: 'one',
      Description: 'for one run',
      Tags,
      IpPermissions: [],
      IpPermissionsEgress: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
    },
  ])
})

test('a name is there once in a VPC, and free again after deletion', async () => {
  const id = await create('twice')
  expect(await refusal(create('twice'))).toMatchObject({
    code: 'InvalidGroup.Duplicate',
    message: expect.stringMatching(/^The security group 'twice' already exists for VPC 'vpc-\w+'$/),
  })
  await remove(id)
  expect(await refusal(remove(id))).toEqual({
    code: 'InvalidGroup.NotFound',
    status: 400,
    message: `The security group '${id}' does not exist`,
  })
  await create('twice')
})

test('two names that differ only in their case are the same', async () => {
  const id = await create('Twice')
  expect(await refusal(create('tWICE'))).toMatchObject({ code: 'InvalidGroup.Duplicate' })
  const { SecurityGroups } = await client.send(
    new DescribeSecurityGroupsCommand({ GroupNames: ['twice'] }),
  )
  expect(SecurityGroups).toMatchObject([{ GroupId: id, GroupName: 'Twice' }])
})

test('blanks at the end of a name are not part of it', async () => {
  const id = await create('blank  ')
  expect(await refusal(create('blank'))).toMatchObject({ code: 'InvalidGroup.Duplicate' })
  const { SecurityGroups } = await client.send(
    new DescribeSecurityGroupsCommand({ GroupNames: ['blank'] }),
  )
  expect(SecurityGroups).toMatchObject([{ GroupId: id, GroupName: 'blank' }])
})

test('a group can be deleted by its name, in the default VPC', async () => {
  await create('g')
  await client.send(new DeleteSecurityGroupCommand({ GroupName: 'g' }))
  expect(
    await refusal(client.send(new DeleteSecurityGroupCommand({ GroupName: 'g' }))),
  ).toMatchObject({
    code: 'InvalidGroup.NotFound',
    message: expect.stringMatching(
      /^The security group 'g' does not exist in default VPC 'vpc-\w+'$/,
    ),
  })
})

test.each<[string, string, string, string]>([
  [
    'g',
    'schön',
    'InvalidParameterValue',
    'Value (schön) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported.',
  ],
  [
    'g',
    'a<b',
    'InvalidParameterValue',
    'Invalid security group description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*',
  ],
  [
    'x'.repeat(256),
    'd',
    'InvalidParameterValue',
    'Invalid security group name. Valid names are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*',
  ],
  ['g', '', 'MissingParameter', 'The request must contain the parameter GroupDescription'],
])(
  'a group %j with the description %j is refused',
  async (GroupName, Description, code, message) => {
    const call = client.send(new CreateSecurityGroupCommand({ GroupName, Description }))
    expect(await refusal(call)).toEqual({ code, status: 400, message })
  },
)

test.each([
  ['sg-mine', 'Invalid group name. Group names cannot begin with sg-'],
  ['default', 'Cannot use reserved security group name: default'],
])('the name %s is refused', async (name, message) => {
  expect(await refusal(create(name))).toEqual({
    code: 'InvalidParameterValue',
    status: 400,
    message,
  })
})

test('a rule is answered with its id and tags, and described with its peers', async () => {
  const id = await create('g')
  const { SecurityGroupRules } = await allow({
    GroupId: id,
    IpPermissions: [
      {
        ...ssh('203.0.113.7/24'),
        Ipv6Ranges: [{ CidrIpv6: '2001:DB8:0:0::7/64', Description: 'office' }],
        UserIdGroupPairs: [{ GroupId: id }],
      },
    ],
    TagSpecifications: [{ ResourceType: 'security-group-rule', Tags: [{ Key: 'a', Value: 'b' }] }],
  })
  expect(SecurityGroupRules).toMatchObject([
    { CidrIpv4: '203.0.113.0/24', IsEgress: false, Tags: [{ Key: 'a', Value: 'b' }] },
    { CidrIpv6: '2001:db8::/64', Description: 'office' },
    { ReferencedGroupInfo: { GroupId: id } },
  ])
  for (const { SecurityGroupRuleId } of SecurityGroupRules ?? []) {
    expect(SecurityGroupRuleId).toMatch(/^sgr-[0-9a-f]{17}$/)
  }
  const { SecurityGroups } = await client.send(
    new DescribeSecurityGroupsCommand({ GroupIds: [id] }),
  )
  expect(SecurityGroups?.[0]?.IpPermissions).toEqual([
    {
      IpProtocol: 'tcp',
      FromPort: 22,
      ToPort: 22,
      IpRanges: [{ CidrIp: '203.0.113.0/24' }],
      Ipv6Ranges: [{ CidrIpv6: '2001:db8::/64', Description: 'office' }],
      UserIdGroupPairs: [{ GroupId: id, UserId: '000000000000' }],
      PrefixListIds: [],
    },
  ])
})

test('a rule that is there already is refused, and with it all others of its call', async () => {
  const id = await create('g')
  await allow({ GroupId: id, IpProtocol: 'tcp', FromPort: 22, ToPort: 22, CidrIp: '127.0.0.1/32' })
  const again = allow({ GroupId: id, IpPermissions: [ssh('10.0.0.0/8', '127.0.0.1/32')] })
  expect(await refusal(again)).toEqual({
    code: 'InvalidPermission.Duplicate',
    status: 400,
    message:
      'the specified rule "peer: 127.0.0.1/32, TCP, from port: 22, to port: 22, ALLOW" already exists',
  })
  const { SecurityGroups } = await client.send(
    new DescribeSecurityGroupsCommand({ GroupIds: [id] }),
  )
  expect(SecurityGroups?.[0]?.IpPermissions?.[0]?.IpRanges).toEqual([{ CidrIp: '127.0.0.1/32' }])
})

test.each<[string, IpPermission, string, string]>([
  [
    'a range that is none',
    ssh('10.0.0.0'),
    'InvalidParameterValue',
    'CIDR block 10.0.0.0 is malformed',
  ],
  [
    'a range that is too narrow',
    ssh('10.0.0.0/33'),
    'InvalidParameterValue',
    'CIDR block 10.0.0.0/33 is malformed',
  ],
  [
    'a port that is none',
    { ...ssh('10.0.0.0/8'), ToPort: 70_000 },
    'InvalidParameterValue',
    'TCP/UDP port (70000) out of range',
  ],
  [
    'a protocol that is none',
    { ...ssh('10.0.0.0/8'), IpProtocol: 'telepathy' },
    'InvalidParameterValue',
    "Invalid value 'telepathy' for IP protocol. Unknown protocol.",
  ],
  ['no peer', ssh(), 'MissingParameter', 'The request must contain the parameter ipPermissions'],
])('a rule with %s is refused', async (_, permission, code, message) => {
  const id = await create('g')
  expect(await refusal(allow({ GroupId: id, IpPermissions: [permission] }))).toEqual({
    code,
    status: 400,
    message,
  })
})

test('a group has room for 60 rules', async () => {
  const id = await create('g')
  const cidrs = Array.from({ length: 60 }, (_, n) => `10.0.${n}.0/24`)
  await allow({ GroupId: id, IpPermissions: [ssh(...cidrs)] })
  expect(await refusal(allow({ GroupId: id, IpPermissions: [ssh('10.1.0.0/24')] }))).toMatchObject({
    code: 'RulesPerSecurityGroupLimitExceeded',
  })
})

test('a group cannot go before the last of its instances is terminated', async () => {
  const id = await create('g')
  const [instance] = await run(client, { SecurityGroupIds: [id] })
  expect(await refusal(remove(id))).toEqual(inUse(id))
  host.latest.comeUp()
  await client.send(new TerminateInstancesCommand({ InstanceIds: [instance?.InstanceId ?? ''] }))
  expect(await refusal(remove(id))).toEqual(inUse(id))
  host.latest.end({ reason: 'unplugged' })
  await remove(id)
})

test('a group can go at once when its instances have been moved to another', async () => {
  const id = await create('g')
  const [instance] = await run(client, { NetworkInterfaces: [{ DeviceIndex: 0, Groups: [id] }] })
  const { InstanceId } = instance ?? {}
  await client.send(
    new ModifyInstanceAttributeCommand({ InstanceId, Groups: [await defaultGroup()] }),
  )
  await remove(id)
  expect(
    await refusal(client.send(new ModifyInstanceAttributeCommand({ InstanceId, Groups: [id] }))),
  ).toMatchObject({ code: 'InvalidGroup.NotFound' })
})

test('a group cannot go while a rule of another lets its members in', async () => {
  const [a, b] = [await create('a'), await create('b')]
  await allow({ GroupId: b, IpPermissions: [{ ...ssh(), UserIdGroupPairs: [{ GroupId: a }] }] })
  expect(await refusal(remove(a))).toEqual(inUse(a))
  await remove(b)
  await remove(a)
})

test('the default group stays', async () => {
  const id = await defaultGroup()
  expect(await refusal(remove(id))).toEqual({
    code: 'CannotDelete',
    status: 400,
    message: `the specified group: "${id}" name: "default" cannot be deleted by a user`,
  })
})

test('a dry run makes, opens and deletes nothing', async () => {
  const id = await create('g')
  const dry = { DryRun: true }
  const calls = [
    client.send(new CreateSecurityGroupCommand({ GroupName: 'h', Description: 'h', ...dry })),
    allow({ GroupId: id, IpPermissions: [ssh('10.0.0.0/8')], ...dry }),
    client.send(new DeleteSecurityGroupCommand({ GroupId: id, ...dry })),
  ]
  for (const call of calls) {
    expect(await refusal(call)).toMatchObject({ code: 'DryRunOperation', status: 412 })
  }
  const { SecurityGroups } = await client.send(new DescribeSecurityGroupsCommand({}))
  expect(SecurityGroups?.map(({ GroupName }) => GroupName)).toEqual(['default', 'g'])
  expect(SecurityGroups?.[1]?.IpPermissions).toEqual([])
})
