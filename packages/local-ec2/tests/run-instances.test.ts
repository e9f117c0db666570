import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSubnetsCommand,
  DescribeVolumesCommand,
  type EC2Client,
  type RunInstancesCommandInput,
} from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type LocalEc2, serve } from '../src/server.ts'
import { debian, ec2Client, refusal, run } from './clients.ts'
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

test('the machine gets the user-data as it was, the size of its disk, and the user and the system of its image', async () => {
  const userData = Buffer.from([0x1f, 0x8b, 0, 255, 10])
  const [instance] = await run(client, { UserData: userData.toString('base64') })
  expect(host.latest.request).toEqual({
    instanceId: instance?.InstanceId,
    defaultUser: 'admin',
    diskGib: 8,
    system: 'debian-13',
  })
  expect(host.latest.facts?.userData).toEqual(userData)
})

test('tags land on what they were meant for, with the resource and not after it', async () => {
  const tags = (value: string) => [
    { Key: 'kind', Value: value },
    { Key: 'empty', Value: '' },
  ]
  const [instance] = await run(client, {
    TagSpecifications: [
      { ResourceType: 'instance', Tags: tags('instance') },
      { ResourceType: 'volume', Tags: tags('volume') },
      { ResourceType: 'network-interface', Tags: tags('network-interface') },
    ],
  })
  expect(instance?.Tags).toEqual(tags('instance'))
  const { Volumes } = await client.send(new DescribeVolumesCommand({}))
  expect(Volumes?.map(({ Tags }) => Tags)).toEqual([tags('volume')])
  const { NetworkInterfaces } = await client.send(new DescribeNetworkInterfacesCommand({}))
  expect(NetworkInterfaces?.map(({ TagSet }) => TagSet)).toEqual([tags('network-interface')])
})

test('what was asked for is what is described', async () => {
  const { Subnets } = await client.send(new DescribeSubnetsCommand({}))
  const subnet = Subnets?.find(({ AvailabilityZone }) => AvailabilityZone === 'us-east-1b')
  const [instance] = await run(client, {
    InstanceType: 'c7i.large',
    NetworkInterfaces: [
      { DeviceIndex: 0, SubnetId: subnet?.SubnetId, AssociatePublicIpAddress: false },
    ],
    MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
    BlockDeviceMappings: [
      { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 30, VolumeType: 'gp3', Throughput: 250 } },
    ],
  })
  expect(instance).toMatchObject({
    InstanceType: 'c7i.large',
    Placement: { AvailabilityZone: 'us-east-1b' },
    SubnetId: subnet?.SubnetId,
    VpcId: subnet?.VpcId,
    PrivateIpAddress: '198.18.4.10',
    MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
    SecurityGroups: [{ GroupName: 'default' }],
    RootDeviceName: '/dev/xvda',
  })
  expect(instance).not.toHaveProperty('PublicIpAddress')
  const { Volumes } = await client.send(new DescribeVolumesCommand({}))
  expect(Volumes).toMatchObject([
    { Size: 30, VolumeType: 'gp3', Iops: 3000, Throughput: 250, AvailabilityZone: 'us-east-1b' },
  ])
})

test('equal machines come from one call and share its reservation', async () => {
  const instances = await run(client, { MinCount: 2, MaxCount: 3 })
  expect(instances.map(({ AmiLaunchIndex }) => AmiLaunchIndex)).toEqual([0, 1, 2])
  const { Reservations } = await client.send(new DescribeInstancesCommand({}))
  expect(Reservations?.map(({ Instances }) => Instances?.length)).toEqual([3])
})

test('a dry run boots nothing, uses up no token, and still finds what is wrong', async () => {
  const allowed = {
    code: 'DryRunOperation',
    status: 412,
    message: 'Request would have succeeded, but DryRun flag is set.',
  }
  expect(await refusal(run(client, { DryRun: true, ClientToken: 't' }))).toEqual(allowed)
  expect(await refusal(run(client, { DryRun: true, ImageId: 'ami-0123456789abcdef0' }))).toEqual({
    code: 'InvalidAMIID.NotFound',
    status: 400,
    message: "The image id '[ami-0123456789abcdef0]' does not exist",
  })
  expect(host.machines).toHaveLength(0)
  await run(client, { ClientToken: 't', InstanceType: 'c7i.large' })
  expect(host.machines).toHaveLength(1)
})

const kib16 = Buffer.alloc(16_384)

test('16 KiB of user-data are taken, one byte more is not', async () => {
  await run(client, { UserData: kib16.toString('base64') })
  expect(host.latest.facts?.userData).toEqual(kib16)
  expect(await refusal(run(client, { UserData: Buffer.alloc(16_385).toString('base64') }))).toEqual(
    {
      code: 'InvalidParameterValue',
      status: 400,
      message: 'User data is limited to 16384 bytes',
    },
  )
})

const tag = { Key: 'k', Value: 'v' }
const refused: [string, Partial<RunInstancesCommandInput>, string, string][] = [
  [
    'no image',
    { ImageId: undefined },
    'MissingParameter',
    'The request must contain the parameter ImageId',
  ],
  [
    'no type',
    { InstanceType: undefined },
    'MissingParameter',
    'The request must contain the parameter InstanceType',
  ],
  [
    'something else than an image id',
    { ImageId: 'debian-12' },
    'InvalidAMIID.Malformed',
    'Invalid id: "debian-12" (expecting "ami-...")',
  ],
  [
    'user-data that is not base64',
    { UserData: '#!/bin/sh' },
    'InvalidUserData.Malformed',
    'Invalid BASE64 encoding of user data.',
  ],
  [
    'more than at most',
    { MinCount: 2, MaxCount: 1 },
    'InvalidParameterCombination',
    'MinCount (2) must not be greater than MaxCount (1)',
  ],
  [
    'none',
    { MinCount: 0 },
    'InvalidParameterValue',
    'Value (0) for parameter MinCount is invalid. It must be a positive integer.',
  ],
  [
    'a subnet that does not exist',
    { SubnetId: 'subnet-0123456789abcdef0' },
    'InvalidSubnetID.NotFound',
    "The subnet ID 'subnet-0123456789abcdef0' does not exist",
  ],
  [
    'a group that does not exist',
    { SecurityGroupIds: ['sg-0123456789abcdef0'] },
    'InvalidGroup.NotFound',
    "The security group 'sg-0123456789abcdef0' does not exist",
  ],
  [
    'a zone that does not exist',
    { Placement: { AvailabilityZone: 'us-east-1z' } },
    'InvalidParameterValue',
    'Invalid availability zone: [us-east-1z]',
  ],
  [
    'an interface and a subnet beside it',
    {
      NetworkInterfaces: [{ DeviceIndex: 0 }],
      SecurityGroupIds: [],
      SubnetId: 'subnet-0123456789abcdef0',
    },
    'InvalidParameterCombination',
    'Network interfaces and an instance-level subnet ID or security groups may not be specified on the same request',
  ],
  [
    'a hop limit of 65',
    { MetadataOptions: { HttpPutResponseHopLimit: 65 } },
    'InvalidParameterValue',
    'Value (65) for parameter HttpPutResponseHopLimit is invalid. It must be between 1 and 64.',
  ],
  [
    'an image that does not fit on its disk',
    { BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 4 } }] },
    'InvalidBlockDeviceMapping',
    expect.stringMatching(
      /^Volume of size 4GB is smaller than snapshot 'snap-\w+', expect size >= 8GB$/,
    ),
  ],
  [
    'IOPS for a kind of volume that has no choice of them',
    { BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeType: 'gp2', Iops: 3000 } }] },
    'InvalidParameterCombination',
    'The parameter iops is not supported for gp2 volumes.',
  ],
  [
    'a token that is too long',
    { ClientToken: 'x'.repeat(65) },
    'InvalidClientToken',
    'Client token must be at most 64 ASCII characters',
  ],
  [
    'a tag that only AWS may set',
    { TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'aws:x', Value: '' }] }] },
    'InvalidParameterValue',
    "Value ( aws:x ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use",
  ],
  [
    'a tag twice',
    { TagSpecifications: [{ ResourceType: 'instance', Tags: [tag, tag] }] },
    'InvalidParameterValue',
    "Duplicate tag key 'k' specified.",
  ],
  [
    '51 tags',
    {
      TagSpecifications: [
        {
          ResourceType: 'volume',
          Tags: Array.from({ length: 51 }, (_, n) => ({ Key: `k${n}`, Value: '' })),
        },
      ],
    },
    'TagLimitExceeded',
    'The maximum number of Tags for a resource has been reached.',
  ],
  [
    'tags for what it does not make',
    { TagSpecifications: [{ ResourceType: 'security-group', Tags: [tag] }] },
    'InvalidParameterValue',
    "'security-group' is not a valid taggable resource type for this operation.",
  ],
  [
    'a key pair that does not exist',
    { KeyName: 'mine' },
    'InvalidKeyPair.NotFound',
    "The key pair 'mine' does not exist",
  ],
  [
    'Spot',
    { InstanceMarketOptions: { MarketType: 'spot' } },
    'UnsupportedOperation',
    'RunInstances.InstanceMarketOptions is not implemented by this local endpoint.',
  ],
  [
    'a launch template',
    { LaunchTemplate: { LaunchTemplateName: 'mine' } },
    'UnsupportedOperation',
    'RunInstances.LaunchTemplate is not implemented by this local endpoint.',
  ],
  [
    'tags for a Spot request that is not made',
    { TagSpecifications: [{ ResourceType: 'spot-instances-request', Tags: [tag] }] },
    'InvalidParameterValue',
    "'spot-instances-request' is not a valid taggable resource type for this operation.",
  ],
  [
    'a placement group that does not exist',
    { Placement: { GroupName: 'near' } },
    'InvalidPlacementGroup.Unknown',
    "The Placement Group 'near' is unknown.",
  ],
  [
    'a tenancy that is not modelled',
    { Placement: { Tenancy: 'dedicated' } },
    'UnsupportedOperation',
    "Tenancy 'dedicated' is not implemented by this local endpoint.",
  ],
  [
    'hibernation',
    { HibernationOptions: { Configured: true } },
    'UnsupportedOperation',
    'Hibernation is not implemented by this local endpoint.',
  ],
  [
    'half of the CPU options',
    { CpuOptions: { CoreCount: 1 } },
    'MissingParameter',
    'When specifying CpuOptions you must specify both CoreCount and ThreadsPerCore.',
  ],
  [
    'more cores than the type has',
    { CpuOptions: { CoreCount: 64, ThreadsPerCore: 1 } },
    'InvalidParameterCombination',
    'CpuOptions with 64 cores and 1 threads per core are not valid for m7i.large',
  ],
  [
    'CPU credits for a type that cannot burst',
    { CreditSpecification: { CpuCredits: 'standard' } },
    'InstanceCreditSpecification.NotSupported',
    'The m7i.large instance type does not support T2 Unlimited.',
  ],
  [
    'tags in the metadata whose keys are no paths',
    {
      MetadataOptions: { InstanceMetadataTags: 'enabled' },
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'a/b', Value: '' }] }],
    },
    'InvalidParameterValue',
    "'a/b' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not be a reserved name ('.', '..', '_index')",
  ],
  [
    'a group by a name that is not in the default VPC',
    { SecurityGroups: ['web'] },
    'InvalidGroup.NotFound',
    expect.stringMatching(/^The security group 'web' does not exist in default VPC 'vpc-\w+'$/),
  ],
  [
    'a private address outside of the subnet',
    { PrivateIpAddress: '10.0.0.7' },
    'InvalidParameterValue',
    "Address 10.0.0.7 does not fall within the subnet's address range",
  ],
  [
    'a private address that EC2 keeps for itself',
    { PrivateIpAddress: '198.18.4.3' },
    'InvalidParameterValue',
    "Address 198.18.4.3 is in subnet's reserved address range",
  ],
  [
    'one private address for two',
    { PrivateIpAddress: '198.18.4.7', MaxCount: 2 },
    'InvalidParameterCombination',
    'A private IP address may not be specified when launching more than one instance',
  ],
  [
    'another snapshot than that of the image',
    {
      BlockDeviceMappings: [
        { DeviceName: '/dev/xvda', Ebs: { SnapshotId: 'snap-0123456789abcdef0' } },
      ],
    },
    'InvalidSnapshot.NotFound',
    "The snapshot 'snap-0123456789abcdef0' does not exist.",
  ],
  [
    'a second volume',
    { BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: { VolumeSize: 10 } }] },
    'UnsupportedOperation',
    'A volume besides the root device /dev/xvda is not implemented by this local endpoint: /dev/sdf',
  ],
]

test.each(refused)('%s is refused, and nothing boots', async (_, input, code, message) => {
  expect(await refusal(run(client, input))).toEqual({ code, status: 400, message })
  expect(host.machines).toHaveLength(0)
})

test('an unknown type is refused by its name', async () => {
  const input: RunInstancesCommandInput = {
    ImageId: await debian(client),
    MinCount: 1,
    MaxCount: 1,
  }
  Object.assign(input, { InstanceType: 'm99.huge' })
  expect(await refusal(run(client, input))).toEqual({
    code: 'InvalidParameterValue',
    status: 400,
    message: "Invalid value 'm99.huge' for InstanceType.",
  })
})

test('an image for another architecture than the type is refused', async () => {
  expect(await refusal(run(client, { InstanceType: 'c8g.large' }))).toMatchObject({
    code: 'InvalidParameterValue',
    message: expect.stringContaining(
      "The architecture 'arm64' of the specified instance type does not match the architecture 'x86_64' of the specified AMI.",
    ),
  })
})

test('machines that boot have this computer’s architecture; machine kind none has any', async () => {
  const [foreign, type] =
    process.arch === 'x64' ? (['arm64', 'c8g.large'] as const) : (['amd64', 'c7i.large'] as const)
  const { Images } = await client.send(
    new DescribeImagesCommand({ Filters: [{ Name: 'name', Values: [`debian-12-${foreign}-*`] }] }),
  )
  const input = { ImageId: Images?.[0]?.ImageId, InstanceType: type }
  await expect(run(client, input)).resolves.toHaveLength(1)

  await using booting = await serve(new ScriptedHost({ kind: 'container' }))
  expect(await refusal(run(ec2Client(booting), input))).toMatchObject({
    code: 'Unsupported',
    status: 400,
    message: expect.stringMatching(
      /local machines have the architecture of this computer, (x86_64|arm64)\.$/,
    ),
  })
})

test('a subnet takes as many machines as it has addresses', async () => {
  // A /24 in quarters, each without the five addresses that EC2 keeps.
  expect(await refusal(run(client, { MinCount: 60, MaxCount: 60 }))).toMatchObject({
    code: 'InsufficientFreeAddressesInSubnet',
  })
  expect(await run(client, { MinCount: 1, MaxCount: 60 })).toHaveLength(59)
  const { Subnets } = await client.send(new DescribeSubnetsCommand({}))
  expect(Subnets?.map(({ AvailableIpAddressCount }) => AvailableIpAddressCount)).toEqual([
    0, 59, 59,
  ])
})
