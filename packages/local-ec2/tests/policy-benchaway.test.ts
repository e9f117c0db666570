/** The policy that Benchaway asks its users for, enforced: what it was made to allow, and what to deny. */
import { readFileSync } from 'node:fs'

import {
  AuthorizeSecurityGroupIngressCommand,
  CreateKeyPairCommand,
  CreateSecurityGroupCommand,
  type CreateSecurityGroupCommandInput,
  CreateTagsCommand,
  DeleteSecurityGroupCommand,
  DescribeInstancesCommand,
  DescribeVpcsCommand,
  type EC2Client,
  ModifyInstanceAttributeCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  type TagSpecification,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type LocalEc2, type PolicyDocument, readPolicy, startLocalEc2 } from '../src/index.ts'
import { debian, describeOne, ec2Client, refusal, run, stsClient } from './clients.ts'
import { accountId, addUser, decode, denial, ec2Arn } from './users.ts'

const owner = 'user/ci'

let local: LocalEc2
let admin: EC2Client

const tags = (overrides: Record<string, string | undefined> = {}) =>
  Object.entries({
    'benchaway:owner': owner,
    'benchaway:run': '01J',
    'benchaway:expires': '1800000000',
    Name: 'benchaway',
    ...overrides,
  }).flatMap(([Key, Value]) => (Value === undefined ? [] : [{ Key, Value }]))

const specifications = (list = tags()): TagSpecification[] =>
  (['instance', 'volume', 'network-interface'] as const).map((ResourceType) => ({
    ResourceType,
    Tags: list,
  }))

let ci: ReturnType<typeof addUser>
let image: string
let own: string
let foreign: string

function benchawayPolicy(region: string): PolicyDocument {
  const text = readFileSync(new URL('policies/benchaway.json', import.meta.url), 'utf8')
  const filled = text
    .replaceAll('REGION', region)
    .replaceAll('ACCOUNT', accountId)
    .replaceAll('OWNER', owner)
  const policy = readPolicy(filled)
  if (Array.isArray(policy)) throw new Error('one document was expected')
  return policy
}

async function group(client: EC2Client, input: Partial<CreateSecurityGroupCommandInput>) {
  const name = `group-${Math.random()}`
  const { GroupId = '' } = await client.send(
    new CreateSecurityGroupCommand({ GroupName: name, Description: name, ...input }),
  )
  return GroupId
}

const groupTags = (list = tags()): Partial<CreateSecurityGroupCommandInput> => ({
  TagSpecifications: [{ ResourceType: 'security-group', Tags: list }],
})

const launch = (overrides: Partial<RunInstancesCommandInput> = {}) =>
  ci.ec2.send(
    new RunInstancesCommand({
      ImageId: image,
      InstanceType: 'm7i.large',
      MinCount: 1,
      MaxCount: 1,
      SecurityGroupIds: [own],
      MetadataOptions: { HttpTokens: 'required' },
      TagSpecifications: specifications(),
      DryRun: true,
      ...overrides,
    }),
  )

beforeAll(async () => {
  local = await startLocalEc2({ machine: 'none' })
  admin = ec2Client(local)
  ci = addUser(local, 'ci', benchawayPolicy('us-east-1'))
  image = await debian(admin)
  own = await group(ci.ec2, groupTags())
  foreign = await group(admin, groupTags(tags({ 'benchaway:owner': 'user/somebody' })))
})
afterAll(() => local.close())

test('allows a launch that is tagged as it should be, first in a dry run, then for real', async () => {
  expect(await refusal(launch())).toEqual({
    code: 'DryRunOperation',
    status: 412,
    message: 'Request would have succeeded, but DryRun flag is set.',
  })
  const { Instances = [] } = await launch({ DryRun: false })
  expect(Instances).toHaveLength(1)
})

test('allows to read', async () => {
  await expect(ci.ec2.send(new DescribeInstancesCommand({}))).resolves.toBeDefined()
})

test('allows to open, use up and delete its own group', async () => {
  const id = await group(ci.ec2, groupTags())
  await ci.ec2.send(
    new AuthorizeSecurityGroupIngressCommand({
      GroupId: id,
      IpPermissions: [
        { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '192.0.2.1/32' }] },
      ],
    }),
  )
  await ci.ec2.send(new DeleteSecurityGroupCommand({ GroupId: id }))
  const again = ci.ec2.send(new DeleteSecurityGroupCommand({ GroupId: id }))
  expect((await refusal(again)).code).toBe('InvalidGroup.NotFound')
})

test('allows to move its own machine out of the group, and to terminate it', async () => {
  const { Instances: [{ InstanceId = '' } = {}] = [] } = await launch({ DryRun: false })
  const spare = await group(admin, {})
  await ci.ec2.send(new ModifyInstanceAttributeCommand({ InstanceId, Groups: [spare] }))
  const { SecurityGroups = [] } = await describeOne(admin, InstanceId)
  expect(SecurityGroups.map(({ GroupId }) => GroupId)).toEqual([spare])
  const { TerminatingInstances = [] } = await ci.ec2.send(
    new TerminateInstancesCommand({ InstanceIds: [InstanceId] }),
  )
  expect(TerminatingInstances).toHaveLength(1)
})

const runsOn = (resource: string) =>
  `User: ${ci.arn} is not authorized to perform: ec2:RunInstances on resource: ${resource} because no identity-based policy allows the ec2:RunInstances action`

test.each([
  ['without tags', { TagSpecifications: [] }],
  ['for another owner', { TagSpecifications: specifications(tags({ 'benchaway:owner': 'me' })) }],
  [
    'that never expires',
    { TagSpecifications: specifications(tags({ 'benchaway:expires': undefined })) },
  ],
])('denies a launch %s', async (_, overrides) => {
  const { message } = await denial(launch(overrides))
  expect(message).toBe(
    `You are not authorized to perform this operation. ${runsOn(ec2Arn('instance/*'))}`,
  )
})

test.each(['volume', 'network-interface'])('denies a launch whose %s has no tags', async (type) => {
  const TagSpecifications = specifications().filter(({ ResourceType }) => ResourceType !== type)
  const { message } = await denial(launch({ TagSpecifications }))
  expect(message).toContain(runsOn(ec2Arn(`${type}/*`)))
})

test('denies a tag beyond those it names', async () => {
  const { message } = await denial(
    launch({ TagSpecifications: specifications(tags({ team: 'payroll' })) }),
  )
  expect(message).toContain(
    `is not authorized to perform: ec2:CreateTags on resource: ${ec2Arn('instance/*')} because no identity-based policy allows the ec2:CreateTags action`,
  )
})

test.each([{ HttpTokens: 'optional' } as const, undefined])(
  'denies IMDSv1 explicitly: %j',
  async (MetadataOptions) => {
    const { message, encoded } = await denial(launch({ MetadataOptions }))
    expect(message).toBe(
      `You are not authorized to perform this operation. User: ${ci.arn} is not authorized to perform: ec2:RunInstances on resource: ${ec2Arn('instance/*')} with an explicit deny in an identity-based policy`,
    )
    expect(await decode(stsClient(local), encoded)).toMatchObject({
      explicitDeny: true,
      matchedStatements: {
        items: [
          {
            statementId: 'NoImdsV1',
            effect: 'DENY',
            actions: { items: [{ value: 'ec2:RunInstances' }] },
            conditions: {
              items: [
                { key: 'ec2:MetadataHttpTokens', values: { items: [{ value: 'required' }] } },
              ],
            },
          },
        ],
      },
    })
  },
)

test('denies a launch in a group of somebody else, or in none', async () => {
  const { message } = await denial(launch({ SecurityGroupIds: [foreign] }))
  expect(message).toContain(runsOn(ec2Arn(`security-group/${foreign}`)))
  expect((await denial(launch({ SecurityGroupIds: undefined }))).message).toContain(
    `ec2:RunInstances on resource: ${ec2Arn('security-group/sg-')}`,
  )
})

test('denies to terminate what is not its own, and then terminates nothing at all', async () => {
  const [other] = await run(admin)
  const { Instances: [{ InstanceId: mine = '' } = {}] = [] } = await launch({ DryRun: false })
  const { message, encoded } = await denial(
    ci.ec2.send(new TerminateInstancesCommand({ InstanceIds: [mine, other?.InstanceId ?? ''] })),
  )
  expect(message).toContain(`on resource: ${ec2Arn(`instance/${other?.InstanceId}`)} because`)
  expect(await decode(stsClient(local), encoded)).toMatchObject({
    allowed: false,
    explicitDeny: false,
    matchedStatements: { items: [] },
    context: {
      principal: { arn: ci.arn },
      action: 'ec2:TerminateInstances',
      resource: ec2Arn(`instance/${other?.InstanceId}`),
    },
  })
  const { State } = await describeOne(admin, mine)
  expect(State?.Name).not.toMatch(/shutting-down|terminated/)
})

test('denies to delete a group of somebody else, also while that is in use', async () => {
  const deletion = () => ci.ec2.send(new DeleteSecurityGroupCommand({ GroupId: foreign }))
  const { message } = await denial(deletion())
  expect(message).toContain(`on resource: ${ec2Arn(`security-group/${foreign}`)} because`)
  await run(admin, { SecurityGroupIds: [foreign] })
  expect((await denial(deletion())).message).toBe(message)
})

test('denies a group without tags', async () => {
  const { message } = await denial(group(ci.ec2, {}))
  expect(message).toContain(
    `ec2:CreateSecurityGroup on resource: ${ec2Arn('security-group/*')} because`,
  )
})

test.each(['somebody else', 'itself'])('denies to tag what %s has already', async (whose) => {
  const id = whose === 'itself' ? own : foreign
  const { message } = await denial(
    ci.ec2.send(new CreateTagsCommand({ Resources: [id], Tags: tags() })),
  )
  expect(message).toContain(`ec2:CreateTags on resource: ${ec2Arn(`security-group/${id}`)} because`)
})

test('denies what it does not mention', async () => {
  const { message } = await denial(ci.ec2.send(new CreateKeyPairCommand({ KeyName: 'mine' })))
  expect(message).toContain(`ec2:CreateKeyPair on resource: ${ec2Arn('key-pair/mine')} because`)
})

test('denies another region', async () => {
  const { ec2 } = addUser(local, 'ci-elsewhere', benchawayPolicy('eu-west-1'))
  expect((await refusal(ec2.send(new DescribeVpcsCommand({})))).code).toBe('UnauthorizedOperation')
})
