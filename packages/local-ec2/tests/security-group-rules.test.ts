import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  type AuthorizeSecurityGroupIngressCommandInput,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  type EC2Client,
  type Filter,
  type IpPermission,
  ModifySecurityGroupRulesCommand,
  paginateDescribeSecurityGroupRules,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
  type RevokeSecurityGroupIngressCommandInput,
  type SecurityGroupRule,
  UpdateSecurityGroupRuleDescriptionsEgressCommand,
  UpdateSecurityGroupRuleDescriptionsIngressCommand,
} from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../src/index.ts'
import { ec2Client, refusal } from './clients.ts'

let local: LocalEc2
let client: EC2Client

beforeEach(async () => {
  local = await startLocalEc2({ machine: 'none' })
  client = ec2Client(local)
})
afterEach(() => local.close())

async function create(name: string): Promise<string> {
  const { GroupId = '' } = await client.send(
    new CreateSecurityGroupCommand({ GroupName: name, Description: 'made by a test' }),
  )
  return GroupId
}

async function allow(input: AuthorizeSecurityGroupIngressCommandInput): Promise<string[]> {
  const { SecurityGroupRules = [] } = await client.send(
    new AuthorizeSecurityGroupIngressCommand(input),
  )
  return SecurityGroupRules.map(({ SecurityGroupRuleId }) => SecurityGroupRuleId ?? '')
}

function revoke(input: RevokeSecurityGroupIngressCommandInput) {
  return client.send(new RevokeSecurityGroupIngressCommand(input))
}

async function rules(...filters: Filter[]): Promise<SecurityGroupRule[]> {
  const { SecurityGroupRules = [] } = await client.send(
    new DescribeSecurityGroupRulesCommand({ Filters: filters.length > 0 ? filters : undefined }),
  )
  return SecurityGroupRules
}

/** What comes in, as `protocol from-to peer`. */
async function ingress(group: string): Promise<string[]> {
  const all = await rules({ Name: 'group-id', Values: [group] })
  return all
    .filter(({ IsEgress }) => IsEgress === false)
    .map(({ IpProtocol, FromPort, ToPort, CidrIpv4, CidrIpv6, ReferencedGroupInfo }) =>
      [
        IpProtocol,
        `${FromPort}-${ToPort}`,
        CidrIpv4 ?? CidrIpv6 ?? ReferencedGroupInfo?.GroupId,
      ].join(' '),
    )
}

const port = (number: number, ...cidrs: string[]): IpPermission => ({
  IpProtocol: 'tcp',
  FromPort: number,
  ToPort: number,
  IpRanges: cidrs.map((CidrIp) => ({ CidrIp })),
})

test('what is let out is authorized and revoked apart from what is let in', async () => {
  const GroupId = await create('g')
  const IpPermissions = [port(443, '10.0.0.0/8')]
  const out = await client.send(new AuthorizeSecurityGroupEgressCommand({ GroupId, IpPermissions }))
  expect(out.SecurityGroupRules).toMatchObject([{ IsEgress: true, CidrIpv4: '10.0.0.0/8' }])
  expect(await ingress(GroupId)).toEqual([])
  // The same rule the other way round is another rule.
  await allow({ GroupId, IpPermissions })
  expect(
    await refusal(client.send(new AuthorizeSecurityGroupEgressCommand({ GroupId, IpPermissions }))),
  ).toEqual({
    code: 'InvalidPermission.Duplicate',
    status: 400,
    message:
      'the specified rule "peer: 10.0.0.0/8, TCP, from port: 443, to port: 443, ALLOW, EGRESS" already exists',
  })
  await client.send(new RevokeSecurityGroupEgressCommand({ GroupId, IpPermissions }))
  expect(await ingress(GroupId)).toEqual(['tcp 443-443 10.0.0.0/8'])
  const { SecurityGroups } = await client.send(
    new DescribeSecurityGroupsCommand({ GroupIds: [GroupId] }),
  )
  expect(SecurityGroups?.[0]?.IpPermissionsEgress).toMatchObject([{ IpProtocol: '-1' }])
})

test('rules are revoked by what they are, whatever they are described as', async () => {
  const GroupId = await create('g')
  const described = { ...port(22), IpRanges: [{ CidrIp: '10.1.2.3/8', Description: 'me' }] }
  const [id] = await allow({ GroupId, IpPermissions: [described, port(80, '10.0.0.0/8')] })
  const answer = await revoke({ GroupId, IpPermissions: [port(22, '10.9.9.9/8')] })
  expect(answer).toMatchObject({
    Return: true,
    RevokedSecurityGroupRules: [
      {
        SecurityGroupRuleId: id,
        GroupId,
        IsEgress: false,
        IpProtocol: 'tcp',
        FromPort: 22,
        ToPort: 22,
        CidrIpv4: '10.0.0.0/8',
        Description: 'me',
      },
    ],
  })
  expect(answer.UnknownIpPermissions ?? []).toEqual([])
  expect(await ingress(GroupId)).toEqual(['tcp 80-80 10.0.0.0/8'])
})

test('in the default VPC a rule that is not there is named, and the others go', async () => {
  const GroupId = await create('g')
  await allow({ GroupId, IpPermissions: [port(22, '10.0.0.0/8', '10.0.0.0/9')] })
  const answer = await revoke({
    GroupId,
    IpPermissions: [port(22, '10.0.0.0/8'), port(22, '10.0.0.0/10')],
  })
  expect(answer).toMatchObject({
    Return: true,
    UnknownIpPermissions: [
      { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '10.0.0.0/10' }] },
    ],
  })
  expect(await ingress(GroupId)).toEqual(['tcp 22-22 10.0.0.0/9'])
})

test('rules are revoked by their ids, all of them or none', async () => {
  const GroupId = await create('g')
  const other = await create('other')
  const ids = await allow({ GroupId, IpPermissions: [port(22, '10.0.0.0/8', '10.0.0.0/9')] })
  const [foreign = ''] = await allow({ GroupId: other, IpPermissions: [port(22, '10.0.0.0/8')] })
  for (const stranger of ['sgr-0123456789abcdef0', foreign]) {
    expect(await refusal(revoke({ GroupId, SecurityGroupRuleIds: [...ids, stranger] }))).toEqual({
      code: 'InvalidSecurityGroupRuleId.NotFound',
      status: 400,
      message: `The security group rule ID '${stranger}' does not exist`,
    })
  }
  const out = new RevokeSecurityGroupEgressCommand({ GroupId, SecurityGroupRuleIds: ids })
  expect(await refusal(client.send(out))).toMatchObject({
    code: 'InvalidSecurityGroupRuleId.NotFound',
  })
  expect(await refusal(revoke({ GroupId, SecurityGroupRuleIds: ['sgr-1'] }))).toEqual({
    code: 'InvalidSecurityGroupRuleId.Malformed',
    status: 400,
    message: 'Invalid id: "sgr-1" (expecting "sgr-...")',
  })
  expect(await ingress(GroupId)).toHaveLength(2)
  await revoke({ GroupId, SecurityGroupRuleIds: ids })
  expect(await ingress(GroupId)).toEqual([])
})

test('ids and permissions exclude each other', async () => {
  const GroupId = await create('g')
  const IpPermissions = [port(22, '10.0.0.0/8')]
  const SecurityGroupRuleIds = await allow({ GroupId, IpPermissions })
  expect(await refusal(revoke({ GroupId, IpPermissions, SecurityGroupRuleIds }))).toMatchObject({
    code: 'InvalidParameterCombination',
  })
})

test('a revoked rule can be authorized again, under a new id', async () => {
  const GroupId = await create('g')
  const IpPermissions = [port(22, '10.0.0.0/8')]
  const [first] = await allow({ GroupId, IpPermissions })
  await revoke({ GroupId, IpPermissions })
  const [second] = await allow({ GroupId, IpPermissions })
  expect(second).not.toBe(first)
})

test('members of a group are let in by its id, by its name, and with all that they have to say', async () => {
  const GroupId = await create('g')
  const friends = await create('friends')
  await allow({ GroupId, IpPermissions: [{ ...port(22), UserIdGroupPairs: [{ GroupId }] }] })
  await allow({
    GroupId,
    IpPermissions: [{ ...port(22), UserIdGroupPairs: [{ GroupName: 'friends' }] }],
  })
  await allow({ GroupName: 'g', SourceSecurityGroupName: 'friends' })
  expect(await ingress(GroupId)).toEqual([
    `tcp 22-22 ${GroupId}`,
    `tcp 22-22 ${friends}`,
    `tcp 0-65535 ${friends}`,
    `udp 0-65535 ${friends}`,
    `icmp -1--1 ${friends}`,
  ])
  await revoke({ GroupName: 'g', SourceSecurityGroupName: 'friends' })
  expect(await ingress(GroupId)).toEqual([`tcp 22-22 ${GroupId}`, `tcp 22-22 ${friends}`])
})

test.each<[string, IpPermission, string, string]>([
  [
    'a name that nobody has',
    { ...port(22), UserIdGroupPairs: [{ GroupName: 'nobody' }] },
    'InvalidGroup.NotFound',
    "The security group 'nobody' does not exist in default VPC 'VPC'",
  ],
  [
    'a group of another account',
    { ...port(22), UserIdGroupPairs: [{ GroupId: 'sg-01234567', UserId: '123456789012' }] },
    'InvalidGroup.NotFound',
    "The security group 'sg-01234567' does not exist",
  ],
  [
    'a prefix list',
    { ...port(22), PrefixListIds: [{ PrefixListId: 'pl-01234567' }] },
    'InvalidPrefixListId.NotFound',
    "The prefix list ID 'pl-01234567' does not exist",
  ],
  [
    'a description that is too long',
    { ...port(22), IpRanges: [{ CidrIp: '10.0.0.0/8', Description: 'x'.repeat(256) }] },
    'InvalidParameterValue',
    'Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*',
  ],
  [
    'the same permission twice',
    port(22, '10.0.0.0/8', '10.1.1.1/8'),
    'InvalidParameterValue',
    'The same permission must not appear multiple times',
  ],
  [
    'ports the wrong way round',
    { ...port(22, '10.0.0.0/8'), ToPort: 21 },
    'InvalidParameterValue',
    'Invalid TCP/UDP port range (22:21)',
  ],
  [
    'no ports',
    { IpProtocol: 'udp', IpRanges: [{ CidrIp: '10.0.0.0/8' }] },
    'InvalidParameterValue',
    "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
  ],
])('%s is refused, and the rest of its call', async (_, permission, code, message) => {
  const GroupId = await create('g')
  const { SecurityGroups } = await client.send(new DescribeSecurityGroupsCommand({}))
  const call = allow({ GroupId, IpPermissions: [port(1, '10.0.0.0/8'), permission] })
  expect(await refusal(call)).toEqual({
    code,
    status: 400,
    message: message.replace("VPC'", `${SecurityGroups?.[0]?.VpcId}'`),
  })
  expect(await ingress(GroupId)).toEqual([])
})

test('protocols are known by number too, and have ports only if they have ports', async () => {
  const GroupId = await create('g')
  const from = { FromPort: 1, ToPort: 2, IpRanges: [{ CidrIp: '10.0.0.0/8' }] }
  await allow({
    GroupId,
    IpPermissions: [
      { IpProtocol: '6', ...from },
      { IpProtocol: '050', ...from },
      { IpProtocol: '-1', ...from },
      { IpProtocol: 'icmpv6', Ipv6Ranges: [{ CidrIpv6: '::/0' }] },
    ],
  })
  expect(await ingress(GroupId)).toEqual([
    'tcp 1-2 10.0.0.0/8',
    '50 -1--1 10.0.0.0/8',
    '-1 -1--1 10.0.0.0/8',
    'icmpv6 -1--1 ::/0',
  ])
})

test('60 rules for IPv4 leave room for 60 for IPv6, and a group takes from both', async () => {
  const GroupId = await create('g')
  const four = Array.from({ length: 60 }, (_, n) => ({ CidrIp: `10.0.${n}.0/24` }))
  const six = Array.from({ length: 59 }, (_, n) => ({ CidrIpv6: `2001:db8:${n}::/48` }))
  const rule = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22 }
  await allow({ GroupId, IpPermissions: [{ ...rule, IpRanges: four.slice(1), Ipv6Ranges: six }] })
  await allow({ GroupId, IpPermissions: [{ ...rule, UserIdGroupPairs: [{ GroupId }] }] })
  for (const more of [
    { IpRanges: four.slice(0, 1) },
    { Ipv6Ranges: [{ CidrIpv6: '::/0' }] },
    { UserIdGroupPairs: [{ GroupName: 'default' }] },
  ]) {
    expect(await refusal(allow({ GroupId, IpPermissions: [{ ...rule, ...more }] }))).toEqual({
      code: 'RulesPerSecurityGroupLimitExceeded',
      status: 400,
      message: 'The maximum number of rules per security group has been reached.',
    })
  }
})

test('rules are found by group, id and tag, page by page', async () => {
  const GroupId = await create('g')
  const cidrs = Array.from({ length: 12 }, (_, n) => `10.0.${n}.0/24`)
  const Tags = [{ Key: 'round', Value: '1' }]
  const ids = await allow({
    GroupId,
    IpPermissions: [port(22, ...cidrs)],
    TagSpecifications: [{ ResourceType: 'security-group-rule', Tags }],
  })
  const pages: (string | undefined)[][] = []
  const Filters = [{ Name: 'tag:round', Values: ['1'] }]
  for await (const { SecurityGroupRules = [] } of paginateDescribeSecurityGroupRules(
    { client, pageSize: 5 },
    { Filters },
  )) {
    pages.push(SecurityGroupRules.map(({ SecurityGroupRuleId }) => SecurityGroupRuleId))
  }
  expect(pages.map(({ length }) => length)).toEqual([5, 5, 2])
  expect(pages.flat()).toEqual(ids)
  expect(await rules({ Name: 'security-group-rule-id', Values: ids.slice(3, 5) })).toMatchObject(
    [cidrs[3], cidrs[4]].map((CidrIpv4) => ({ CidrIpv4, GroupId, Tags })),
  )
  // Those that let everything out, and the default group's own, are there as well.
  expect(await rules({ Name: 'group-id', Values: ['*'] })).toHaveLength(12 + 3)
  expect(await refusal(rules({ Name: 'ip-permission.cidr', Values: ['*'] }))).toMatchObject({
    code: 'InvalidParameterValue',
    message: "The filter 'ip-permission.cidr' is invalid",
  })
})

test('a deleted group takes its rules with it', async () => {
  const GroupId = await create('g')
  const [id = ''] = await allow({ GroupId, IpPermissions: [port(22, '10.0.0.0/8')] })
  await client.send(new DeleteSecurityGroupCommand({ GroupId }))
  expect(
    await refusal(
      client.send(new DescribeSecurityGroupRulesCommand({ SecurityGroupRuleIds: [id] })),
    ),
  ).toMatchObject({ code: 'InvalidSecurityGroupRuleId.NotFound' })
  expect(await rules()).toHaveLength(2)
})

test('groups are found by what their rules let in and out', async () => {
  const GroupId = await create('g')
  await create('other')
  await allow({
    GroupId,
    IpPermissions: [
      port(22, '10.0.0.0/8'),
      { ...port(443), UserIdGroupPairs: [{ GroupName: 'other' }] },
    ],
  })
  const found = async (Name: string, ...Values: string[]): Promise<unknown> => {
    const command = new DescribeSecurityGroupsCommand({ Filters: [{ Name, Values }] })
    return (await client.send(command)).SecurityGroups?.map(({ GroupName }) => GroupName)
  }
  expect(await found('ip-permission.cidr', '10.0.0.0/8')).toEqual(['g'])
  expect(await found('ip-permission.from-port', '443')).toEqual(['g'])
  expect(await found('ip-permission.group-name', 'oth*')).toEqual(['g'])
  expect(await found('ip-permission.user-id', '*')).toEqual(['default', 'g'])
  expect(await found('ip-permission.prefix-list-id', '*')).toEqual([])
  expect(await found('egress.ip-permission.protocol', '-1')).toEqual(['default', 'g', 'other'])
  expect(await found('egress.ip-permission.cidr', '10.0.0.0/8')).toEqual([])
})

test('descriptions change without their rules changing', async () => {
  const GroupId = await create('g')
  const [a = '', b = ''] = await allow({
    GroupId,
    IpPermissions: [port(22, '10.0.0.0/8', '10.0.0.0/9')],
  })
  const describe = async () => {
    const all = await rules({ Name: 'security-group-rule-id', Values: [a, b] })
    return all.map(({ Description }) => Description)
  }
  const described = { ...port(22), IpRanges: [{ CidrIp: '10.0.0.0/8', Description: 'eight' }] }
  await client.send(
    new UpdateSecurityGroupRuleDescriptionsIngressCommand({ GroupId, IpPermissions: [described] }),
  )
  await client.send(
    new UpdateSecurityGroupRuleDescriptionsIngressCommand({
      GroupId,
      SecurityGroupRuleDescriptions: [{ SecurityGroupRuleId: b, Description: 'nine' }],
    }),
  )
  expect(await describe()).toEqual(['eight', 'nine'])
  await client.send(
    new UpdateSecurityGroupRuleDescriptionsIngressCommand({
      GroupId,
      IpPermissions: [port(22, '10.0.0.0/8')],
    }),
  )
  expect(await describe()).toEqual([undefined, 'nine'])
  for (const Update of [
    UpdateSecurityGroupRuleDescriptionsIngressCommand,
    UpdateSecurityGroupRuleDescriptionsEgressCommand,
  ]) {
    const unknown = new Update({ GroupId, IpPermissions: [port(23, '10.0.0.0/8')] })
    expect(await refusal(client.send(unknown))).toEqual({
      code: 'InvalidPermission.NotFound',
      status: 400,
      message: 'The specified rule does not exist in this security group',
    })
  }
})

test('a rule can become another one, and stays where it is in the list', async () => {
  const GroupId = await create('g')
  const [a = '', b = ''] = await allow({
    GroupId,
    IpPermissions: [port(22, '10.0.0.0/8', '10.0.0.0/9')],
  })
  const modify = (SecurityGroupRuleId: string, CidrIpv4: string) =>
    client.send(
      new ModifySecurityGroupRulesCommand({
        GroupId,
        SecurityGroupRules: [
          {
            SecurityGroupRuleId,
            SecurityGroupRule: { IpProtocol: 'udp', FromPort: 1, ToPort: 2, CidrIpv4 },
          },
        ],
      }),
    )
  await modify(a, '192.168.0.0/16')
  expect(await ingress(GroupId)).toEqual(['udp 1-2 192.168.0.0/16', 'tcp 22-22 10.0.0.0/9'])
  expect(await refusal(modify(b, '192.168.0.0/16'))).toMatchObject({
    code: 'InvalidPermission.Duplicate',
  })
  await modify(a, '192.168.0.0/16')
  expect(await refusal(modify('sgr-0123456789abcdef0', '10.0.0.0/8'))).toMatchObject({
    code: 'InvalidSecurityGroupRuleId.NotFound',
  })
  expect((await rules({ Name: 'security-group-rule-id', Values: [a] }))[0]).toMatchObject({
    SecurityGroupRuleId: a,
  })
})

test('a rule keeps the kind of its peer', async () => {
  const GroupId = await create('g')
  const [SecurityGroupRuleId] = await allow({ GroupId, IpPermissions: [port(22, '10.0.0.0/8')] })
  const modify = (peer: object) =>
    client.send(
      new ModifySecurityGroupRulesCommand({
        GroupId,
        SecurityGroupRules: [
          {
            SecurityGroupRuleId,
            SecurityGroupRule: { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, ...peer },
          },
        ],
      }),
    )
  for (const [peer, words] of [
    [{ ReferencedGroupId: GroupId }, 'a referenced group id'],
    [{ CidrIpv6: '::/0' }, 'an IPv6 CIDR'],
  ] as const) {
    expect(await refusal(modify(peer))).toEqual({
      code: 'InvalidParameterValue',
      status: 400,
      message: `You may not specify ${words} for an existing IPv4 CIDR rule.`,
    })
  }
  expect(await ingress(GroupId)).toEqual(['tcp 22-22 10.0.0.0/8'])
})

test('a dry run revokes and changes nothing', async () => {
  const GroupId = await create('g')
  const IpPermissions = [port(22, '10.0.0.0/8')]
  const [SecurityGroupRuleId = ''] = await allow({ GroupId, IpPermissions })
  const update = {
    SecurityGroupRuleId,
    SecurityGroupRule: { IpProtocol: '-1', CidrIpv4: '0.0.0.0/0' },
  }
  const dry = { GroupId, DryRun: true }
  for (const call of [
    revoke({ ...dry, IpPermissions }),
    client.send(new ModifySecurityGroupRulesCommand({ ...dry, SecurityGroupRules: [update] })),
  ]) {
    expect(await refusal(call)).toMatchObject({ code: 'DryRunOperation', status: 412 })
  }
  expect(await ingress(GroupId)).toEqual(['tcp 22-22 10.0.0.0/8'])
})
