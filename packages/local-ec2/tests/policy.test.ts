/** IAM policies through the endpoint: who is kept from what, and what is said of it. */
import {
  CreateKeyPairCommand,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeInstancesCommand,
  DescribeVpcsCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../src/index.ts'
import { debian, describeOne, ec2Client, refusal, run, stsClient } from './clients.ts'
import { accountId, addUser, decode, denial, ec2Arn, statement } from './users.ts'

let local: LocalEc2

beforeAll(async () => {
  local = await startLocalEc2({ machine: 'none' })
})
afterAll(() => local.close())

const vpcs = new DescribeVpcsCommand({})

test('the policy of the endpoint is for the keys it starts with', async () => {
  await using restricted = await startLocalEc2({
    machine: 'none',
    policy: statement({ Action: 'ec2:DescribeVpcs' }),
  })
  const client = ec2Client(restricted)
  await client.send(vpcs)
  expect(await refusal(client.send(new DescribeInstancesCommand({})))).toEqual({
    code: 'UnauthorizedOperation',
    status: 403,
    message: `You are not authorized to perform this operation. User: arn:aws:iam::${accountId}:user/local is not authorized to perform: ec2:DescribeInstances because no identity-based policy allows the ec2:DescribeInstances action`,
  })
  const admin = restricted.addUser({ name: 'admin' })
  await ec2Client({ ...restricted, credentials: admin }).send(new DescribeInstancesCommand({}))
})

test('a policy that means nothing keeps the endpoint from starting', async () => {
  const starting = startLocalEc2({
    machine: 'none',
    policy: [statement({ Action: 'ec2:*' }), statement({ Actions: 'ec2:*' })],
  })
  await expect(starting).rejects.toMatchObject({
    code: 'POLICY_INVALID',
    message: '[1].Statement.Actions: there is no such element',
  })
})

test('of several documents, any may allow and any may deny', async () => {
  const { ec2 } = addUser(local, 'several', [
    statement({ Action: 'ec2:DescribeVpcs' }),
    statement({ Action: 'ec2:*Instances' }),
    statement({ Action: 'ec2:DescribeInstances', Effect: 'Deny' }),
  ])
  await ec2.send(vpcs)
  expect((await refusal(ec2.send(new DescribeInstancesCommand({})))).message).toMatch(
    / is not authorized to perform: ec2:DescribeInstances with an explicit deny in an identity-based policy$/,
  )
})

test('a key pair is in policies what it is called', async () => {
  const { ec2, arn, sts } = addUser(
    local,
    'keys',
    statement({ Action: 'ec2:CreateKeyPair', Resource: ec2Arn('key-pair/${aws:username}-*') }),
  )
  await ec2.send(new CreateKeyPairCommand({ KeyName: 'keys-1' }))
  const { message, encoded } = await denial(
    ec2.send(new CreateKeyPairCommand({ KeyName: 'other-1' })),
  )
  expect(message).toBe(
    `You are not authorized to perform this operation. User: ${arn} is not authorized to perform: ec2:CreateKeyPair on resource: ${ec2Arn('key-pair/other-1')} because no identity-based policy allows the ec2:CreateKeyPair action`,
  )
  expect(await decode(stsClient(local), encoded)).toMatchObject({
    allowed: false,
    explicitDeny: false,
    matchedStatements: { items: [] },
    failures: { items: [] },
    context: {
      principal: { id: expect.stringMatching(/^AIDA/), arn },
      action: 'ec2:CreateKeyPair',
      resource: ec2Arn('key-pair/other-1'),
      conditions: {
        items: expect.arrayContaining([
          { key: 'ec2:KeyPairName', values: { items: [{ value: 'other-1' }] } },
          { key: 'aws:SourceIp', values: { items: [{ value: '127.0.0.1' }] } },
        ]),
      },
    },
  })
  // The details are not for everybody.
  expect(await refusal(decode(sts, encoded))).toEqual({
    code: 'AccessDenied',
    status: 403,
    message: `User: ${arn} is not authorized to perform: sts:DecodeAuthorizationMessage because no identity-based policy allows the sts:DecodeAuthorizationMessage action`,
  })
})

const launch = async (overrides: object = {}): Promise<RunInstancesCommand> =>
  new RunInstancesCommand({
    ImageId: await debian(ec2Client(local)),
    InstanceType: 'm7i.large',
    MinCount: 1,
    MaxCount: 1,
    DryRun: true,
    ...overrides,
  })

test.each<[name: string, condition: object, fitting: object, other: object]>([
  [
    'types',
    { StringLike: { 'ec2:InstanceType': 'm7i.*' } },
    { InstanceType: 'm7i.xlarge' },
    { InstanceType: 'c7i.large' },
  ],
  [
    'zones',
    { StringEquals: { 'ec2:AvailabilityZone': 'us-east-1b' } },
    { Placement: { AvailabilityZone: 'us-east-1b' } },
    { Placement: { AvailabilityZone: 'us-east-1a' } },
  ],
  [
    'hop limits',
    { NumericLessThanEquals: { 'ec2:MetadataHttpPutResponseHopLimit': '1' } },
    { MetadataOptions: { HttpPutResponseHopLimit: 1 } },
    { MetadataOptions: { HttpPutResponseHopLimit: 2 } },
  ],
  [
    'tags, whatever the case of their keys',
    { StringEquals: { 'aws:RequestTag/TEAM': 'bench' } },
    { TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'team', Value: 'bench' }] }] },
    { TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'team', Value: 'Bench' }] }] },
  ],
])('launches are kept to some %s', async (name, Condition, fitting, other) => {
  const { ec2 } = addUser(local, `launcher-${name.split(/\W/, 1)[0]}`, {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: 'ec2:RunInstances', Resource: ec2Arn('instance/*'), Condition },
      { Effect: 'Allow', Action: 'ec2:RunInstances', NotResource: ec2Arn('instance/*') },
      { Effect: 'Allow', Action: 'ec2:CreateTags', Resource: '*' },
    ],
  })
  expect((await refusal(ec2.send(await launch(fitting)))).code).toBe('DryRunOperation')
  const { message } = await denial(ec2.send(await launch(other)))
  expect(message).toContain(`ec2:RunInstances on resource: ${ec2Arn('instance/*')} because`)
})

test('volumes are kept to a size, also where the launch does not name one', async () => {
  const { ec2 } = addUser(local, 'small-volumes', {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: 'ec2:RunInstances', Resource: '*' },
      {
        Effect: 'Deny',
        Action: 'ec2:RunInstances',
        Resource: ec2Arn('volume/*'),
        Condition: { NumericGreaterThan: { 'ec2:VolumeSize': 20 } },
      },
    ],
  })
  const sized = (VolumeSize: number) =>
    launch({ BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize } }] })
  expect((await refusal(ec2.send(await launch()))).code).toBe('DryRunOperation')
  expect((await refusal(ec2.send(await sized(20)))).code).toBe('DryRunOperation')
  const { message } = await denial(ec2.send(await sized(21)))
  expect(message).toContain(
    `ec2:RunInstances on resource: ${ec2Arn('volume/*')} with an explicit deny in an identity-based policy`,
  )
})

test('an image may be named, and is of no account', async () => {
  const image = await debian(ec2Client(local))
  const { ec2 } = addUser(local, 'one-image', {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: 'ec2:RunInstances', Resource: `arn:aws:ec2:*::image/${image}` },
      {
        Effect: 'Allow',
        Action: 'ec2:RunInstances',
        Resource: `arn:aws:ec2:us-east-1:${accountId}:*/*`,
      },
    ],
  })
  expect((await refusal(ec2.send(await launch()))).code).toBe('DryRunOperation')
})

test('a launch without a key pair needs none to be allowed; one with it does', async () => {
  await ec2Client(local).send(new CreateKeyPairCommand({ KeyName: 'team' }))
  const { ec2 } = addUser(local, 'no-keys', {
    Version: '2012-10-17',
    Statement: {
      Effect: 'Allow',
      Action: 'ec2:RunInstances',
      NotResource: ec2Arn('key-pair/*'),
    },
  })
  expect((await refusal(ec2.send(await launch()))).code).toBe('DryRunOperation')
  expect((await denial(ec2.send(await launch({ KeyName: 'team' })))).message).toContain(
    `ec2:RunInstances on resource: ${ec2Arn('key-pair/team')} because`,
  )
})

test('temporary credentials have an issue time, lasting ones have none', async () => {
  const { ec2 } = addUser(
    local,
    'lasting',
    statement({ Action: '*', Condition: { Null: { 'aws:TokenIssueTime': 'false' } } }),
  )
  expect((await refusal(ec2.send(vpcs))).code).toBe('UnauthorizedOperation')
})

test.each([
  [{ IpAddress: { 'aws:SourceIp': '127.0.0.0/8' } }, true],
  [{ IpAddress: { 'aws:SourceIp': '192.0.2.0/24' } }, false],
  [{ DateGreaterThan: { 'aws:CurrentTime': '2020-01-01T00:00:00Z' } }, true],
  [{ NumericLessThan: { 'aws:EpochTime': 1_600_000_000 } }, false],
  [{ Bool: { 'aws:SecureTransport': true } }, true],
  [{ StringEquals: { 'ec2:Region': 'us-east-1', 'aws:RequestedRegion': 'us-east-1' } }, true],
  [{ StringEquals: { 'aws:PrincipalType': 'User', 'aws:PrincipalAccount': accountId } }, true],
  [{ ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${accountId}:user/global-*` } }, true],
  [{ StringLike: { 'aws:userid': 'AIDA*', 'aws:UserAgent': 'aws-sdk-js/*' } }, true],
  [{ BoolIfExists: { 'aws:MultiFactorAuthPresent': true } }, true],
  [{ Bool: { 'aws:MultiFactorAuthPresent': true } }, false],
])('every call has its circumstances: %j is %s', async (Condition, allowed) => {
  const name = `global-${Math.random()}`
  const { ec2 } = addUser(local, name, statement({ Action: 'ec2:DescribeVpcs', Condition }))
  const answer = await ec2.send(vpcs).then(
    () => 'allowed',
    (error: Error) => error.name,
  )
  expect(answer).toBe(allowed ? 'allowed' : 'UnauthorizedOperation')
})

test('who may do nothing to instances does not learn which there are', async () => {
  const { ec2, arn } = addUser(local, 'blind', statement({ Action: 'ec2:DescribeVpcs' }))
  const terminate = (id: string) =>
    refusal(ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] })))
  const absent = await terminate('i-0123456789abcdef0')
  expect(absent).toMatchObject({ code: 'UnauthorizedOperation', status: 403 })
  expect(absent.message).toContain(
    `User: ${arn} is not authorized to perform: ec2:TerminateInstances because no identity-based policy allows the ec2:TerminateInstances action`,
  )
  // That it is no id at all is nothing that one would learn.
  expect((await terminate('xyz')).code).toBe('InvalidInstanceID.Malformed')
})

test('a refused call changes nothing, and a dry run of it is refused alike', async () => {
  const admin = ec2Client(local)
  const [instance] = await run(admin)
  const id = instance?.InstanceId ?? ''
  const { ec2 } = addUser(local, 'reader', statement({ Action: 'ec2:Describe*' }))
  const terminate = (DryRun: boolean) =>
    denial(ec2.send(new TerminateInstancesCommand({ InstanceIds: [id], DryRun })))
  expect((await terminate(true)).message).toBe((await terminate(false)).message)
  expect((await describeOne(admin, id)).State?.Name).not.toBe('shutting-down')
})

test('who may not do a thing does not hear what else stands in its way', async () => {
  const admin = ec2Client(local)
  const make = (client: typeof admin) =>
    client.send(new CreateSecurityGroupCommand({ GroupName: 'taken', Description: 'taken' }))
  const { GroupId } = await make(admin)
  await run(admin, { SecurityGroupIds: [GroupId ?? ''] })
  const { ec2 } = addUser(
    local,
    'elsewhere',
    statement({ Action: 'ec2:*SecurityGroup', Resource: ec2Arn('security-group/sg-1') }),
  )
  const remove = (client: typeof admin) => client.send(new DeleteSecurityGroupCommand({ GroupId }))
  expect((await refusal(make(admin))).code).toBe('InvalidGroup.Duplicate')
  expect((await refusal(make(ec2))).code).toBe('UnauthorizedOperation')
  expect((await refusal(remove(admin))).code).toBe('DependencyViolation')
  expect((await refusal(remove(ec2))).code).toBe('UnauthorizedOperation')
})
