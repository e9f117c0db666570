/** What the actions on instances ask a policy, each claim by a policy that holds or does not. */
import {
  DescribeImagesCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  GetConsoleOutputCommand,
  ImportKeyPairCommand,
  ModifyInstanceAttributeCommand,
  ModifyInstanceMetadataOptionsCommand,
  RebootInstancesCommand,
  type RunInstancesCommandInput,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../src/server.ts'
import { debian, ec2Client, refusal, run } from './clients.ts'
import { addUser } from './users.ts'

let local: LocalEc2
let users = 0

beforeAll(async () => {
  local = await startLocalEc2({ machine: 'none' })
  const line = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE2pnkBEhKVLaC5Gmz5DpzHqH5Rn0ZsIhRdpFsKSV3Jv'
  await ec2Client(local).send(
    new ImportKeyPairCommand({ KeyName: 'mine', PublicKeyMaterial: Buffer.from(line) }),
  )
})
afterAll(() => local.close())

/** A user who may do everything but what this statement denies. */
function except(denied: object) {
  return addUser(local, `user-${users++}`, {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Effect: 'Deny', Action: '*', Resource: '*', ...denied },
    ],
  }).ec2
}

async function mayLaunch(
  denied: object,
  input: Partial<RunInstancesCommandInput>,
): Promise<boolean> {
  const { code } = await refusal(run(except(denied), { DryRun: true, ...input }))
  expect(['DryRunOperation', 'UnauthorizedOperation']).toContain(code)
  return code === 'DryRunOperation'
}

type Input = Partial<RunInstancesCommandInput>

const ebs = (Ebs: object): Input => ({ BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs }] })
const tagged = (ResourceType: 'instance' | 'volume' | 'network-interface', Key: string): Input => ({
  TagSpecifications: [{ ResourceType, Tags: [{ Key, Value: 'x' }] }],
})

/** Denied to launches with the first input and not to those with the second. */
const conditions: [type: string, condition: object, denied: Input, allowed: Input][] = [
  [
    'instance',
    { StringNotEquals: { 'ec2:MetadataHttpTokens': 'required' } },
    {},
    { MetadataOptions: { HttpTokens: 'required' } },
  ],
  [
    'instance',
    { NumericGreaterThan: { 'ec2:MetadataHttpPutResponseHopLimit': '2' } },
    { MetadataOptions: { HttpPutResponseHopLimit: 3 } },
    {},
  ],
  ['instance', { StringLike: { 'ec2:InstanceType': 'm7i.*' } }, {}, { InstanceType: 'c7i.large' }],
  ['instance', { Bool: { 'ec2:EbsOptimized': 'true' } }, { EbsOptimized: true }, {}],
  [
    'instance',
    { StringEquals: { 'ec2:AvailabilityZone': 'us-east-1b' } },
    { Placement: { AvailabilityZone: 'us-east-1b' } },
    {},
  ],
  [
    'instance',
    { Null: { 'aws:RequestTag/owner': 'true' } },
    tagged('volume', 'owner'),
    tagged('instance', 'owner'),
  ],
  [
    'volume',
    { NumericGreaterThan: { 'ec2:VolumeSize': '20' } },
    ebs({ VolumeSize: 21 }),
    ebs({ VolumeSize: 20 }),
  ],
  [
    'volume',
    { StringEquals: { 'ec2:VolumeType': 'io2' } },
    ebs({ VolumeType: 'io2', Iops: 100 }),
    {},
  ],
  ['volume', { Bool: { 'ec2:Encrypted': 'false' } }, {}, ebs({ Encrypted: true })],
  [
    'network-interface',
    { Bool: { 'ec2:AssociatePublicIpAddress': 'true' } },
    { NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: true }] },
    { NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: false }] },
  ],
  [
    'network-interface',
    { Null: { 'aws:RequestTag/a': 'false' } },
    tagged('network-interface', 'a'),
    {},
  ],
  ['key-pair', { StringEquals: { 'ec2:KeyPairName': 'mine' } }, { KeyName: 'mine' }, {}],
]

test.each(conditions)(
  'a launch is asked about its %s: %j',
  async (type, condition, denied, allowed) => {
    const statement = {
      Action: 'ec2:RunInstances',
      Resource: `arn:aws:ec2:*:*:${type}/*`,
      Condition: condition,
    }
    expect(await mayLaunch(statement, denied)).toBe(false)
    expect(await mayLaunch(statement, allowed)).toBe(true)
  },
)

test.each(['image', 'subnet', 'security-group'])('every launch uses a %s', async (type) => {
  expect(await mayLaunch({ Resource: `arn:aws:ec2:*:*:${type}/*` }, {})).toBe(false)
})

test('the image is somebody’s, public, and EBS-backed', async () => {
  const of = (Condition: object) => ({ Resource: 'arn:aws:ec2:us-east-1::image/ami-*', Condition })
  expect(await mayLaunch(of({ StringEquals: { 'ec2:Owner': 'amazon' } }), {})).toBe(false)
  expect(await mayLaunch(of({ Bool: { 'ec2:Public': 'true' } }), {})).toBe(false)
  expect(await mayLaunch(of({ StringEquals: { 'ec2:RootDeviceType': 'ebs' } }), {})).toBe(false)
  expect(await mayLaunch(of({ StringEquals: { 'ec2:ImageType': 'kernel' } }), {})).toBe(true)
})

test('whoever may not tag may launch, but not with tags', async () => {
  const denied = {
    Action: 'ec2:CreateTags',
    Condition: { StringEquals: { 'ec2:CreateAction': 'RunInstances' } },
  }
  expect(await mayLaunch(denied, {})).toBe(true)
  expect(await mayLaunch(denied, tagged('volume', 'a'))).toBe(false)
})

test('the snapshot of an image needs no permission, unless it is named', async () => {
  const denied = { Resource: 'arn:aws:ec2:*::snapshot/*' }
  expect(await mayLaunch(denied, {})).toBe(true)
  const admin = ec2Client(local)
  const ImageIds = [await debian(admin)]
  const { Images: [image] = [] } = await admin.send(new DescribeImagesCommand({ ImageIds }))
  const SnapshotId = image?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId
  expect(await mayLaunch(denied, ebs({ SnapshotId }))).toBe(false)
  const ours = { StringEquals: { 'aws:ResourceAccount': '${aws:PrincipalAccount}' } }
  expect(await mayLaunch({ ...denied, Condition: ours }, ebs({ SnapshotId }))).toBe(true)
})

test('an image that a parameter stands for takes the permission to read that parameter', async () => {
  const name = '/aws/service/debian/release/13/latest/amd64'
  const parameter = (path: string) => ({
    Action: 'ssm:GetParameters',
    Resource: `arn:aws:ssm:us-east-1::parameter${path}`,
  })
  for (const id of [name, `${name}:1`, `arn:aws:ssm:us-east-1::parameter${name}:1`]) {
    const input = { ImageId: `resolve:ssm:${id}`, DryRun: true }
    expect(await refusal(run(except(parameter(name)), input))).toEqual({
      code: 'SsmAccessDenied',
      status: 400,
      message: 'Access denied to SSM',
    })
    expect(await mayLaunch(parameter('/aws/service/canonical/*'), input)).toBe(true)
  }
  expect(await mayLaunch(parameter('/*'), {})).toBe(true)
})

test('a token does not open what a policy has closed', async () => {
  const input = { ClientToken: 'opened-once' }
  await run(ec2Client(local), input)
  expect(await refusal(run(except({ Action: 'ec2:RunInstances' }), input))).toMatchObject({
    code: 'UnauthorizedOperation',
    status: 403,
  })
})

test('whoever may touch only own instances may touch no other', async () => {
  const user = except({
    Action: [
      'ec2:RebootInstances',
      'ec2:St*Instances',
      'ec2:TerminateInstances',
      'ec2:GetConsole*',
      'ec2:Modify*',
      'ec2:DescribeInstanceAttribute',
    ],
    Resource: 'arn:aws:ec2:*:*:instance/*',
    Condition: { StringNotEquals: { 'aws:ResourceTag/owner': 'me' } },
  })
  const owned: Input = {
    TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'owner', Value: 'me' }] }],
  }
  const [{ InstanceId: own } = { InstanceId: '' }] = await run(user, owned)
  const [{ InstanceId: foreign } = { InstanceId: '' }] = await run(user)
  const calls = (InstanceId: string) => {
    const ids = { InstanceIds: [InstanceId], DryRun: true }
    const one = { InstanceId, DryRun: true }
    return [
      user.send(new RebootInstancesCommand(ids)),
      user.send(new StartInstancesCommand(ids)),
      user.send(new StopInstancesCommand(ids)),
      user.send(new TerminateInstancesCommand(ids)),
      user.send(new GetConsoleOutputCommand(one)),
      user.send(new DescribeInstanceAttributeCommand({ ...one, Attribute: 'userData' })),
      user.send(new ModifyInstanceMetadataOptionsCommand({ ...one, HttpTokens: 'required' })),
      user.send(new ModifyInstanceAttributeCommand({ ...one, DisableApiStop: { Value: true } })),
    ]
  }
  for (const call of calls(own)) {
    expect(await refusal(call)).toMatchObject({ code: 'DryRunOperation' })
  }
  for (const call of calls(foreign)) {
    expect(await refusal(call)).toMatchObject({ code: 'UnauthorizedOperation' })
  }
  const { Reservations } = await user.send(new DescribeInstancesCommand({ InstanceIds: [foreign] }))
  expect(Reservations).toHaveLength(1)
})
