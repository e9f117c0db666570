/** What tags, key pairs and security groups ask a policy, each claim by a statement that denies. */
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateKeyPairCommand,
  CreateSecurityGroupCommand,
  CreateTagsCommand,
  DeleteKeyPairCommand,
  DeleteSecurityGroupCommand,
  DeleteTagsCommand,
  DescribeVpcsCommand,
  type EC2Client,
  ModifySecurityGroupRulesCommand,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
  type TagSpecification,
  UpdateSecurityGroupRuleDescriptionsIngressCommand,
} from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../src/server.ts'
import { ec2Client, refusal } from './clients.ts'
import { addUser, ec2Arn } from './users.ts'

let local: LocalEc2
let users = 0
let groupId: string
let ruleId: string
let keyPairId: string
let vpcId: string

const IpPermissions = [
  { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '10.0.0.0/8' }] },
]
const other = [{ ...IpPermissions[0], FromPort: 23, ToPort: 23 }]
const Tags = [{ Key: 'team', Value: 'a' }]
const tagged = (ResourceType: TagSpecification['ResourceType']): TagSpecification[] => [
  { ResourceType, Tags },
]

beforeAll(async () => {
  local = await startLocalEc2({ machine: 'none' })
  const client = ec2Client(local)
  const group = await client.send(
    new CreateSecurityGroupCommand({
      GroupName: 'g',
      Description: 'g',
      TagSpecifications: tagged('security-group'),
    }),
  )
  groupId = group.GroupId ?? ''
  const { SecurityGroupRules = [] } = await client.send(
    new AuthorizeSecurityGroupIngressCommand({ GroupId: groupId, IpPermissions }),
  )
  ruleId = SecurityGroupRules[0]?.SecurityGroupRuleId ?? ''
  const pair = await client.send(
    new CreateKeyPairCommand({
      KeyName: 'mine',
      KeyType: 'ed25519',
      TagSpecifications: tagged('key-pair'),
    }),
  )
  keyPairId = pair.KeyPairId ?? ''
  const { Vpcs = [] } = await client.send(new DescribeVpcsCommand({}))
  vpcId = Vpcs[0]?.VpcId ?? ''
})
afterAll(() => local.close())

/** Whether a user may who may do everything but what this statement denies. */
async function mayExcept(
  denied: object,
  call: (client: EC2Client) => Promise<unknown>,
): Promise<boolean> {
  const { ec2 } = addUser(local, `user-${users++}`, {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Effect: 'Deny', Action: '*', ...denied },
    ],
  })
  const { code } = await refusal(call(ec2))
  expect(['DryRunOperation', 'UnauthorizedOperation']).toContain(code)
  return code === 'DryRunOperation'
}

const DryRun = true
const group = (): object => ({ Resource: ec2Arn(`security-group/${groupId}`) })
const tagIs = (key: string, value: string): object => ({
  Resource: '*',
  Condition: { StringEquals: { [key]: value } },
})

const tagKeysAre = (...keys: string[]): object => ({
  Resource: '*',
  Condition: { 'ForAnyValue:StringEquals': { 'aws:TagKeys': keys } },
})

const calls = {
  createTags: (client: EC2Client) =>
    client.send(new CreateTagsCommand({ Resources: [groupId, keyPairId], Tags, DryRun })),
  deleteTags: (client: EC2Client) =>
    client.send(new DeleteTagsCommand({ Resources: [groupId], Tags: [{ Key: 'team' }], DryRun })),
  createKeyPair: (client: EC2Client) =>
    client.send(
      new CreateKeyPairCommand({
        KeyName: 'new',
        KeyType: 'ed25519',
        TagSpecifications: tagged('key-pair'),
        DryRun,
      }),
    ),
  deleteKeyPair: (client: EC2Client) =>
    client.send(new DeleteKeyPairCommand({ KeyPairId: keyPairId, DryRun })),
  createGroup: (client: EC2Client) =>
    client.send(new CreateSecurityGroupCommand({ GroupName: 'new', Description: 'n', DryRun })),
  deleteGroup: (client: EC2Client) =>
    client.send(new DeleteSecurityGroupCommand({ GroupId: groupId, DryRun })),
  authorize: (client: EC2Client) =>
    client.send(
      new AuthorizeSecurityGroupIngressCommand({ GroupId: groupId, IpPermissions: other, DryRun }),
    ),
  authorizeTagged: (client: EC2Client) =>
    client.send(
      new AuthorizeSecurityGroupIngressCommand({
        GroupId: groupId,
        IpPermissions: other,
        TagSpecifications: tagged('security-group-rule'),
        DryRun,
      }),
    ),
  revoke: (client: EC2Client) =>
    client.send(new RevokeSecurityGroupIngressCommand({ GroupId: groupId, IpPermissions, DryRun })),
  revokeEgress: (client: EC2Client) =>
    client.send(
      new RevokeSecurityGroupEgressCommand({ GroupId: groupId, IpPermissions: other, DryRun }),
    ),
  describeAnew: (client: EC2Client) =>
    client.send(
      new UpdateSecurityGroupRuleDescriptionsIngressCommand({
        GroupId: groupId,
        IpPermissions,
        DryRun,
      }),
    ),
  modifyRules: (client: EC2Client) =>
    client.send(
      new ModifySecurityGroupRulesCommand({
        GroupId: groupId,
        SecurityGroupRules: [
          {
            SecurityGroupRuleId: ruleId,
            SecurityGroupRule: { IpProtocol: '-1', CidrIpv4: '0.0.0.0/0' },
          },
        ],
        DryRun,
      }),
    ),
}

test.each<[keyof typeof calls, () => object, () => object]>([
  ['createTags', group, () => ({ Resource: ec2Arn('instance/*') })],
  // A key pair's ARN ends in its name, not in its id.
  [
    'createTags',
    () => ({ Resource: ec2Arn('key-pair/mine') }),
    () => ({ Resource: ec2Arn(`key-pair/${keyPairId}`) }),
  ],
  ['createTags', () => tagIs('aws:RequestTag/team', 'a'), () => tagIs('aws:RequestTag/team', 'b')],
  ['createTags', () => tagIs('aws:ResourceTag/team', 'a'), () => tagIs('ec2:CreateAction', 'x')],
  ['deleteTags', () => tagKeysAre('team'), () => tagKeysAre('Team')],
  ['deleteTags', group, () => ({ Action: 'ec2:CreateTags', Resource: '*' })],
  [
    'createKeyPair',
    () => ({ Resource: ec2Arn('key-pair/new') }),
    () => ({ Resource: ec2Arn('key-pair/mine') }),
  ],
  [
    'createKeyPair',
    () => tagIs('ec2:CreateAction', 'CreateKeyPair'),
    () => tagIs('ec2:CreateAction', 'ImportKeyPair'),
  ],
  [
    'createKeyPair',
    () => tagIs('ec2:KeyPairType', 'ed25519'),
    () => tagIs('ec2:KeyPairType', 'rsa'),
  ],
  [
    'deleteKeyPair',
    () => ({ Resource: ec2Arn('key-pair/mine') }),
    () => ({ Resource: ec2Arn(`key-pair/${keyPairId}`) }),
  ],
  [
    'createGroup',
    () => ({ Resource: ec2Arn(`vpc/${vpcId}`) }),
    () => ({ Action: 'ec2:CreateTags', Resource: '*' }),
  ],
  [
    'createGroup',
    () => ({ Resource: ec2Arn('security-group/*') }),
    () => ({ Resource: ec2Arn('security-group/sg-*') }),
  ],
  ['deleteGroup', group, () => ({ Resource: ec2Arn('vpc/*') })],
  [
    'deleteGroup',
    () => tagIs('ec2:ResourceTag/team', 'a'),
    () => tagIs('ec2:ResourceTag/team', 'b'),
  ],
  ['authorize', group, () => ({ Resource: ec2Arn('security-group-rule/*') })],
  [
    'authorizeTagged',
    () => ({ Resource: ec2Arn('security-group-rule/*') }),
    () => tagIs('ec2:CreateAction', 'AuthorizeSecurityGroupEgress'),
  ],
  ['revoke', group, () => ({ Action: 'ec2:RevokeSecurityGroupEgress', Resource: '*' })],
  ['revokeEgress', group, () => ({ Action: 'ec2:RevokeSecurityGroupIngress', Resource: '*' })],
  ['describeAnew', group, () => ({ Resource: ec2Arn('security-group-rule/*') })],
  [
    'modifyRules',
    () => ({ Resource: ec2Arn(`security-group-rule/${ruleId}`) }),
    () => ({ Action: 'ec2:AuthorizeSecurityGroupIngress', Resource: '*' }),
  ],
  [
    'deleteGroup',
    () => tagIs('ec2:SecurityGroupID', groupId),
    () => tagIs('ec2:SecurityGroupID', 'sg-01234567'),
  ],
  [
    'deleteGroup',
    () => tagIs('ec2:Vpc', ec2Arn(`vpc/${vpcId}`)),
    () => tagIs('ec2:Vpc', ec2Arn('vpc/vpc-01234567')),
  ],
])(
  '%s: who is denied this may not, who is denied that may (%#)',
  async (name, denied, irrelevant) => {
    expect(await mayExcept(denied(), calls[name])).toBe(false)
    expect(await mayExcept(irrelevant(), calls[name])).toBe(true)
  },
)
