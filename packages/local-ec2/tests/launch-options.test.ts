import {
  CreateSecurityGroupCommand,
  DescribeImagesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSubnetsCommand,
  type EC2Client,
  ImportKeyPairCommand,
  type RunInstancesCommandInput,
} from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type LocalEc2, serve, startLocalEc2 } from '../src/server.ts'
import { debian, describeOne, ec2Client, refusal, run } from './clients.ts'
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

async function launchOne(input: Partial<RunInstancesCommandInput> = {}, from = client) {
  const [instance] = await run(from, input)
  if (instance === undefined) throw new Error('nothing was launched')
  return instance
}

async function imageNamed(pattern: string, from = client): Promise<string> {
  const { Images = [] } = await from.send(
    new DescribeImagesCommand({ Filters: [{ Name: 'name', Values: [pattern] }] }),
  )
  return Images[0]?.ImageId ?? ''
}

test('all that a launch may ask for is described as it was asked for', async () => {
  const { InstanceId } = await launchOne({
    CapacityReservationSpecification: { CapacityReservationPreference: 'none' },
    CpuOptions: { CoreCount: 1, ThreadsPerCore: 1 },
    EnclaveOptions: { Enabled: false },
    HibernationOptions: { Configured: false },
    MaintenanceOptions: { AutoRecovery: 'disabled' },
    MetadataOptions: {
      HttpTokens: 'required',
      HttpEndpoint: 'disabled',
      HttpPutResponseHopLimit: 64,
      HttpProtocolIpv6: 'enabled',
      InstanceMetadataTags: 'enabled',
    },
    Monitoring: { Enabled: true },
    PrivateDnsNameOptions: { HostnameType: 'resource-name', EnableResourceNameDnsARecord: true },
    EbsOptimized: true,
  })
  expect(await describeOne(client, InstanceId)).toMatchObject({
    CapacityReservationSpecification: { CapacityReservationPreference: 'none' },
    CpuOptions: { CoreCount: 1, ThreadsPerCore: 1 },
    EnclaveOptions: { Enabled: false },
    HibernationOptions: { Configured: false },
    MaintenanceOptions: { AutoRecovery: 'disabled' },
    MetadataOptions: {
      State: 'applied',
      HttpTokens: 'required',
      HttpEndpoint: 'disabled',
      HttpPutResponseHopLimit: 64,
      HttpProtocolIpv6: 'enabled',
      InstanceMetadataTags: 'enabled',
    },
    Monitoring: { State: 'enabled' },
    PrivateDnsName: `${InstanceId}.ec2.internal`,
    PrivateDnsNameOptions: {
      HostnameType: 'resource-name',
      EnableResourceNameDnsARecord: true,
      EnableResourceNameDnsAAAARecord: false,
    },
    EbsOptimized: true,
  })
  expect(host.latest.request.hostname).toBe(InstanceId)
})

test('the machine learns where it is, what it is, and its keys', async () => {
  const line = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE2pnkBEhKVLaC5Gmz5DpzHqH5Rn0ZsIhRdpFsKSV3Jv'
  await client.send(
    new ImportKeyPairCommand({ KeyName: 'mine', PublicKeyMaterial: Buffer.from(line) }),
  )
  const instance = await launchOne({
    KeyName: 'mine',
    TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'box' }] }],
  })
  expect(instance).toMatchObject({ KeyName: 'mine' })
  const [network] = instance.NetworkInterfaces ?? []
  const [group] = instance.SecurityGroups ?? []
  expect(host.latest.facts).toEqual({
    userData: undefined,
    keyPairs: [{ name: 'mine', publicKey: expect.stringContaining(line) }],
    metadata: {
      httpTokens: 'optional',
      httpEndpoint: 'enabled',
      hopLimit: 1,
      instanceTags: 'disabled',
    },
    accountId: network?.OwnerId,
    region: 'us-east-1',
    zone: {
      name: instance.Placement?.AvailabilityZone,
      id: instance.Placement?.AvailabilityZoneId,
    },
    imageId: instance.ImageId,
    instanceType: 'm7i.large',
    architecture: 'x86_64',
    reservationId: expect.stringMatching(/^r-/),
    launchIndex: 0,
    launchTime: instance.LaunchTime,
    macAddress: network?.MacAddress,
    interfaceId: network?.NetworkInterfaceId,
    securityGroups: [expect.objectContaining({ id: group?.GroupId, name: group?.GroupName })],
    vpc: { id: instance.VpcId, cidr: '198.18.4.0/24' },
    subnet: { id: instance.SubnetId, cidr: '198.18.4.0/26' },
    tags: new Map([['Name', 'box']]),
    hasPublicIp: true,
    rootDevice: '/dev/xvda',
  })
})

test('the answer to a launch has no public address and no volume yet, what is described has both', async () => {
  const answer = await launchOne()
  expect(answer).toMatchObject({
    BlockDeviceMappings: [],
    PublicDnsName: '',
    State: { Name: 'pending' },
    StateReason: { Code: 'pending', Message: 'pending' },
  })
  expect(answer).not.toHaveProperty('PublicIpAddress')
  expect(answer.NetworkInterfaces?.[0]).not.toHaveProperty('Association')
  expect(await describeOne(client, answer.InstanceId)).toMatchObject({
    PublicIpAddress: '198.18.4.10',
    PublicDnsName: 'ec2-198-18-4-10.compute-1.amazonaws.com',
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { Status: 'attached' } }],
    NetworkInterfaces: [{ Association: { PublicIp: '198.18.4.10', IpOwnerId: 'amazon' } }],
  })
})

test('an image that was made for IMDSv2 alone requires it, unless the launch says otherwise', async () => {
  const ImageId = await imageNamed('al2023-ami-2023*-x86_64')
  expect((await launchOne({ ImageId })).MetadataOptions).toMatchObject({
    HttpTokens: 'required',
    HttpPutResponseHopLimit: 2,
  })
  const MetadataOptions = { HttpTokens: 'optional', HttpPutResponseHopLimit: 1 } as const
  expect((await launchOne({ ImageId, MetadataOptions })).MetadataOptions).toMatchObject(
    MetadataOptions,
  )
})

test('a public parameter stands for an image, whose id is described', async () => {
  const alias = '/aws/service/debian/release/13/latest/amd64'
  expect(await launchOne({ ImageId: `resolve:ssm:${alias}` })).toMatchObject({
    ImageId: await debian(client),
  })
  expect(await refusal(run(client, { ImageId: 'resolve:ssm:/mine/image' }))).toMatchObject({
    code: 'SsmInvalidParameter',
    status: 400,
  })
})

test('groups may be given by name, but not beside a subnet', async () => {
  const { GroupId } = await client.send(
    new CreateSecurityGroupCommand({ GroupName: 'web', Description: 'x' }),
  )
  const { SecurityGroups, SubnetId } = await launchOne({ SecurityGroups: ['web'] })
  expect(SecurityGroups).toEqual([{ GroupId, GroupName: 'web' }])
  expect(await refusal(run(client, { SecurityGroups: ['web'], SubnetId }))).toEqual({
    code: 'InvalidParameterCombination',
    status: 400,
    message: 'The parameter groupName cannot be used with the parameter subnet',
  })
})

test('a private address that is free can be had, and once', async () => {
  const wish = { PrivateIpAddress: '198.18.4.33' }
  const { SubnetId } = await launchOne(wish)
  const { NetworkInterfaces } = await client.send(new DescribeNetworkInterfacesCommand({}))
  expect(NetworkInterfaces).toMatchObject([wish])
  expect(
    await refusal(
      run(client, {
        NetworkInterfaces: [
          { DeviceIndex: 0, SubnetId, PrivateIpAddresses: [{ Primary: true, ...wish }] },
        ],
      }),
    ),
  ).toEqual({
    code: 'InvalidIPAddress.InUse',
    status: 400,
    message: 'Address 198.18.4.33 is in use.',
  })
})

test('a launch that leaves the zone open goes where the type is; one that does not is told where', async () => {
  const input = {
    ImageId: await imageNamed('debian-12-arm64-*'),
    InstanceType: 'i8ge.large',
  } as const
  expect(await launchOne(input)).toMatchObject({ Placement: { AvailabilityZone: 'us-east-1b' } })
  const Placement = { AvailabilityZone: 'us-east-1a' }
  expect(await refusal(run(client, { ...input, Placement }))).toEqual({
    code: 'Unsupported',
    status: 400,
    message:
      'Your requested instance type (i8ge.large) is not supported in your requested Availability Zone (us-east-1a). Please retry your request by not specifying an Availability Zone or choosing us-east-1b, us-east-1c.',
  })
})

test('a zone may be named by its id; a zone without capacity names the others', async () => {
  const byId = await launchOne({ Placement: { AvailabilityZoneId: 'use1-az2' } })
  expect(byId.Placement).toMatchObject({ AvailabilityZone: 'us-east-1b' })
  const both = { AvailabilityZone: 'us-east-1b', AvailabilityZoneId: 'use1-az2' }
  expect(await refusal(run(client, { Placement: both }))).toEqual({
    code: 'InvalidParameterCombination',
    status: 400,
    message: 'You can specify AvailabilityZone or AvailabilityZoneId, but not both.',
  })

  local.faults.add({ noCapacity: { zones: ['us-east-1a'] } })
  expect((await launchOne()).Placement).toMatchObject({ AvailabilityZone: 'us-east-1b' })
  expect(await refusal(run(client, { Placement: { AvailabilityZone: 'us-east-1a' } }))).toEqual({
    code: 'InsufficientInstanceCapacity',
    status: 500,
    message:
      'We currently do not have sufficient m7i.large capacity in the Availability Zone you requested (us-east-1a). Our system will be working on provisioning additional capacity. You can currently get m7i.large capacity by not specifying an Availability Zone in your request or choosing us-east-1b, us-east-1c.',
  })
})

test('machines that do not boot have addresses of their subnet, each another one', async () => {
  await using none = await startLocalEc2({ machine: 'none' })
  const crowd = ec2Client(none)
  const { Subnets = [] } = await crowd.send(new DescribeSubnetsCommand({}))
  for (const { SubnetId, CidrBlock = '' } of Subnets) {
    const { PrivateIpAddress = '' } = await launchOne({ SubnetId }, crowd)
    const first = CidrBlock.split('/')[0]?.split('.').slice(0, 3).join('.')
    expect(PrivateIpAddress).toBe(`${first}.4`)
  }
  const many = await run(crowd, { MinCount: 1000, MaxCount: 1000 })
  expect(new Set(many.map(({ PrivateIpAddress }) => PrivateIpAddress)).size).toBe(1000)
  const { Subnets: after = [] } = await crowd.send(new DescribeSubnetsCommand({}))
  expect(after.map(({ AvailableIpAddressCount }) => AvailableIpAddressCount)).toEqual(
    Subnets.map(({ AvailableIpAddressCount = 0 }, index) =>
      index === 0 ? AvailableIpAddressCount - 1001 : AvailableIpAddressCount - 1,
    ),
  )
})
