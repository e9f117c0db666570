/** What moto 5.2 gets wrong or leaves out, each as AWS documents it. */
import {
  AllocateAddressCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateImageCommand,
  CreateKeyPairCommand,
  CreatePlacementGroupCommand,
  CreateSecurityGroupCommand,
  CreateTagsCommand,
  DeletePlacementGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeImagesCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypesCommand,
  DescribeNetworkInterfacesCommand,
  DescribePlacementGroupsCommand,
  DescribeSpotPriceHistoryCommand,
  DescribeTagsCommand,
  DescribeVolumesCommand,
  type EC2Client,
  type Filter,
  GetConsoleOutputCommand,
  ModifyInstanceAttributeCommand,
  MonitorInstancesCommand,
  ReleaseAddressCommand,
  RequestSpotInstancesCommand,
  type ResourceType,
  type RunInstancesCommandInput,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { type LocalEc2, serve } from '../../src/server.ts'
import { describeOne, ec2Client, refusal, run } from '../clients.ts'
import { ScriptedHost } from '../scripted-host.ts'

let host: ScriptedHost
let local: LocalEc2
let client: EC2Client

beforeEach(async () => {
  host = new ScriptedHost()
  local = await serve(host)
  client = ec2Client(local)
})
afterEach(() => local.close())

const absent = '0123456789abcdef0'

async function launchOne(input: Partial<RunInstancesCommandInput> = {}): Promise<string> {
  const [instance] = await run(client, input)
  return instance?.InstanceId ?? ''
}

async function makeGroup(name = 'g'): Promise<string> {
  const { GroupId = '' } = await client.send(
    new CreateSecurityGroupCommand({ GroupName: name, Description: name }),
  )
  return GroupId
}

async function state(id: string): Promise<[number | undefined, string | undefined]> {
  const { State } = await describeOne(client, id)
  return [State?.Code, State?.Name]
}

/** Resolves when what was said to a machine has reached the world. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('client tokens', () => {
  test('three launches at once with one token are one machine', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => launchOne({ ClientToken: 'slot-1' })))
    expect(new Set(answers).size).toBe(1)
    expect(host.machines).toHaveLength(1)
  })

  test('a token with other parameters is refused', async () => {
    await launchOne({ ClientToken: 'slot-1' })
    expect(
      await refusal(launchOne({ ClientToken: 'slot-1', InstanceType: 'c7i.large' })),
    ).toMatchObject({ code: 'IdempotentParameterMismatch', status: 400 })
    expect(host.machines).toHaveLength(1)
  })

  test('a token whose machine is terminated is refused, not launched anew', async () => {
    const id = await launchOne({ ClientToken: 'slot-1' })
    await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }))
    host.latest.end({ reason: 'unplugged' })
    expect(await refusal(launchOne({ ClientToken: 'slot-1' }))).toMatchObject({
      code: 'IdempotentInstanceTerminated',
    })
  })
})

describe('a security group in use cannot be deleted', () => {
  const remove = (id: string) => client.send(new DeleteSecurityGroupCommand({ GroupId: id }))

  test.each<[string, (id: string) => Partial<RunInstancesCommandInput>]>([
    ['SecurityGroupIds', (id) => ({ SecurityGroupIds: [id] })],
    [
      'the groups of an interface',
      (id) => ({ NetworkInterfaces: [{ DeviceIndex: 0, Groups: [id] }] }),
    ],
  ])('that a launch named in %s, until its machine is gone', async (_, input) => {
    const group = await makeGroup()
    const id = await launchOne(input(group))
    expect((await describeOne(client, id)).SecurityGroups).toEqual([
      { GroupId: group, GroupName: 'g' },
    ])
    const inUse = {
      code: 'DependencyViolation',
      status: 400,
      message: `resource ${group} has a dependent object`,
    }
    expect(await refusal(remove(group))).toEqual(inUse)
    await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }))
    expect(await refusal(remove(group))).toEqual(inUse)
    host.latest.end({ reason: 'unplugged' })
    await settled()
    await remove(group)
  })

  test('that a rule of another group names', async () => {
    const [a, b] = [await makeGroup('a'), await makeGroup('b')]
    const peers = { IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: a }] }
    await client.send(
      new AuthorizeSecurityGroupIngressCommand({ GroupId: b, IpPermissions: [peers] }),
    )
    expect(await refusal(remove(a))).toMatchObject({ code: 'DependencyViolation' })
  })
})

describe('a launch refuses', () => {
  test.each<[string, Partial<RunInstancesCommandInput>, string]>([
    ['an image that does not exist', { ImageId: `ami-${absent}` }, 'InvalidAMIID.NotFound'],
    ['what is no image id', { ImageId: 'xyz' }, 'InvalidAMIID.Malformed'],
    ['no image', { ImageId: undefined }, 'MissingParameter'],
    ['a key pair that does not exist', { KeyName: 'absent' }, 'InvalidKeyPair.NotFound'],
    ['fewer than at least', { MinCount: 3, MaxCount: 2 }, 'InvalidParameterCombination'],
    [
      '20 kB of user-data',
      { UserData: Buffer.alloc(20_000, 'x').toString('base64') },
      'InvalidParameterValue',
    ],
  ])('%s', async (_, input, code) => {
    expect(await refusal(launchOne(input))).toMatchObject({ code, status: 400 })
    expect(host.machines).toHaveLength(0)
  })

  test('a type that does not exist', async () => {
    const input: Partial<RunInstancesCommandInput> = {}
    Object.assign(input, { InstanceType: 'm99.huge' })
    expect(await refusal(launchOne(input))).toMatchObject({
      code: 'InvalidParameterValue',
      status: 400,
    })
    expect(host.machines).toHaveLength(0)
  })
})

test('an SSM alias is answered as the image that it stands for', async () => {
  const alias = 'resolve:ssm:/aws/service/debian/release/12/latest/amd64'
  const id = await launchOne({ ImageId: alias })
  const { ImageId = '' } = await describeOne(client, id)
  expect(ImageId).toMatch(/^ami-[0-9a-f]{17}$/)
  const { Images } = await client.send(new DescribeImagesCommand({ ImageIds: [ImageId] }))
  expect(Images).toMatchObject([{ Name: expect.stringMatching(/^debian-12-amd64-/) }])
  expect(await refusal(launchOne({ ImageId: 'resolve:ssm:/aws/service/absent' }))).toMatchObject({
    status: 400,
  })
})

describe('filters', () => {
  async function count(...Filters: Filter[]): Promise<number> {
    const { Reservations = [] } = await client.send(new DescribeInstancesCommand({ Filters }))
    return Reservations.flatMap(({ Instances = [] }) => Instances).length
  }

  test('client-token, launch-time and placement-group-name find what they should', async () => {
    const id = await launchOne({ ClientToken: 'slot-1' })
    const { LaunchTime } = await describeOne(client, id)
    const day = LaunchTime?.toISOString().slice(0, 10)
    expect(await count({ Name: 'client-token', Values: ['slot-1'] })).toBe(1)
    expect(await count({ Name: 'client-token', Values: ['slot-2'] })).toBe(0)
    expect(await count({ Name: 'launch-time', Values: [`${day}T*`] })).toBe(1)
    expect(await count({ Name: 'launch-time', Values: ['2006-*'] })).toBe(0)
    expect(await count({ Name: 'placement-group-name', Values: ['absent'] })).toBe(0)
  })

  test('wildcards hold for instance-type as for tags', async () => {
    await launchOne({ InstanceType: 'm7i.large' })
    await launchOne({ InstanceType: 'c7i.large' })
    expect(await count({ Name: 'instance-type', Values: ['m7i.*'] })).toBe(1)
    expect(await count({ Name: 'instance-type', Values: ['?7i.large'] })).toBe(2)
  })

  test('one that does not exist is an error of EC2, not of a web server', async () => {
    expect(await refusal(count({ Name: 'bogus', Values: ['x'] }))).toEqual({
      code: 'InvalidParameterValue',
      status: 400,
      message: "The filter 'bogus' is invalid",
    })
  })
})

describe('pages', () => {
  test('of fewer than five are refused', async () => {
    expect(await refusal(client.send(new DescribeInstancesCommand({ MaxResults: 4 })))).toEqual({
      code: 'InvalidParameterValue',
      status: 400,
      message:
        'Value ( 4 ) for parameter maxResults is invalid. Expecting a value greater than or equal to 5.',
    })
  })

  test('hold as many instances as asked for, whatever their reservations', async () => {
    await run(client, { MinCount: 9, MaxCount: 9 })
    await run(client, { MinCount: 5, MaxCount: 5 })
    const sizes: number[] = []
    let NextToken: string | undefined
    do {
      // oxlint-disable-next-line no-await-in-loop -- a page leads to the next
      const page = await client.send(
        new DescribeInstancesCommand({ MaxResults: 5, ...(NextToken && { NextToken }) }),
      )
      sizes.push(page.Reservations?.flatMap(({ Instances = [] }) => Instances).length ?? 0)
      NextToken = page.NextToken
    } while (NextToken !== undefined)
    expect(sizes).toEqual([5, 5, 4])
  })
})

describe('tags', () => {
  const tag = (Resources: string[], Key: string) =>
    client.send(new CreateTagsCommand({ Resources, Tags: [{ Key, Value: 'v' }] }))

  test('cannot be put on what does not exist, nor on anything beside it', async () => {
    const id = await launchOne()
    expect(await refusal(tag([id, `i-${absent}`], 'k'))).toMatchObject({
      code: 'InvalidInstanceID.NotFound',
      status: 400,
    })
    expect((await describeOne(client, id)).Tags ?? []).toEqual([])
  })

  test('cannot begin with aws:', async () => {
    const id = await launchOne()
    expect(await refusal(tag([id], 'aws:mine'))).toMatchObject({
      code: 'InvalidParameterValue',
      status: 400,
      message: expect.stringContaining('aws:'),
    })
  })

  test('reach the network interface of a launch', async () => {
    const Tags = [{ Key: 'k', Value: 'v' }]
    await launchOne({ TagSpecifications: [{ ResourceType: 'network-interface', Tags }] })
    const { NetworkInterfaces } = await client.send(new DescribeNetworkInterfacesCommand({}))
    expect(NetworkInterfaces?.map(({ TagSet }) => TagSet)).toEqual([Tags])
  })

  test('are described with the type names that EC2 documents', async () => {
    const Tags = [{ Key: 'k', Value: 'v' }]
    const types: ResourceType[] = ['instance', 'volume', 'network-interface']
    await launchOne({
      TagSpecifications: types.map((ResourceType) => ({ ResourceType, Tags })),
    })
    await tag([await makeGroup()], 'k')
    await client.send(
      new CreateKeyPairCommand({
        KeyName: 'mine',
        KeyType: 'ed25519',
        TagSpecifications: [{ ResourceType: 'key-pair', Tags }],
      }),
    )
    const { Tags: found = [] } = await client.send(new DescribeTagsCommand({}))
    expect(new Set(found.map(({ ResourceType }) => ResourceType))).toEqual(
      new Set([...types, 'security-group', 'key-pair']),
    )
  })
})

describe('a launch keeps what was asked for', () => {
  test('throughput and IOPS of its volume', async () => {
    await launchOne({
      BlockDeviceMappings: [
        {
          DeviceName: '/dev/xvda',
          Ebs: { VolumeSize: 20, VolumeType: 'gp3', Iops: 3500, Throughput: 300 },
        },
      ],
    })
    const { Volumes } = await client.send(new DescribeVolumesCommand({}))
    expect(Volumes).toMatchObject([{ Size: 20, VolumeType: 'gp3', Iops: 3500, Throughput: 300 }])
  })

  test('protection from termination', async () => {
    const id = await launchOne({ DisableApiTermination: true })
    const { DisableApiTermination } = await client.send(
      new DescribeInstanceAttributeCommand({ InstanceId: id, Attribute: 'disableApiTermination' }),
    )
    expect(DisableApiTermination).toEqual({ Value: true })
    expect(
      await refusal(client.send(new TerminateInstancesCommand({ InstanceIds: [id] }))),
    ).toMatchObject({ code: 'OperationNotPermitted', status: 400 })
    expect(host.latest.unplugged).toBe(false)
  })

  test.each<[string, Partial<RunInstancesCommandInput>]>([
    ['cores and threads', { CpuOptions: { CoreCount: 1, ThreadsPerCore: 1 } }],
    ['tenancy', { Placement: { Tenancy: 'dedicated' } }],
  ])('%s, or refuses it', async (_, input) => {
    const answer = await run(client, input).catch(({ name }: Error) => ({ name }))
    const refused = { name: 'UnsupportedOperation' }
    expect([[expect.objectContaining(input)], refused]).toContainEqual(answer)
  })

  test('a placement group, which must exist', async () => {
    expect(await refusal(run(client, { Placement: { GroupName: 'near' } }))).toEqual({
      code: 'InvalidPlacementGroup.Unknown',
      status: 400,
      message: "The Placement Group 'near' is unknown.",
    })
  })
})

describe('states dwell as long as their machine does', () => {
  test('pending until it is up', async () => {
    const id = await launchOne()
    expect(await state(id)).toEqual([0, 'pending'])
    host.latest.comeUp()
    expect(await state(id)).toEqual([16, 'running'])
  })

  test('stopping until it is off', async () => {
    const id = await launchOne()
    host.latest.comeUp()
    await settled()
    const { StoppingInstances } = await client.send(new StopInstancesCommand({ InstanceIds: [id] }))
    expect(StoppingInstances).toMatchObject([{ CurrentState: { Code: 64, Name: 'stopping' } }])
    expect(await state(id)).toEqual([64, 'stopping'])
    host.latest.end({ reason: 'unplugged' })
    expect(await state(id)).toEqual([80, 'stopped'])
  })

  test('shutting-down until it is off, and asking twice is no error', async () => {
    const id = await launchOne()
    host.latest.comeUp()
    const terminate = () => client.send(new TerminateInstancesCommand({ InstanceIds: [id] }))
    await terminate()
    expect(await state(id)).toEqual([32, 'shutting-down'])
    await terminate()
    host.latest.end({ reason: 'unplugged' })
    expect(await state(id)).toEqual([48, 'terminated'])
    const { TerminatingInstances } = await terminate()
    expect(TerminatingInstances).toMatchObject([
      { PreviousState: { Code: 48 }, CurrentState: { Code: 48 } },
    ])
  })

  test('a terminated one cannot be started', async () => {
    const id = await launchOne()
    await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }))
    host.latest.end({ reason: 'unplugged' })
    await settled()
    expect(await refusal(client.send(new StartInstancesCommand({ InstanceIds: [id] })))).toEqual({
      code: 'IncorrectInstanceState',
      status: 400,
      message: `The instance '${id}' is not in a state from which it can be started.`,
    })
  })
})

test.each([
  ['InvalidInstanceID.Malformed', 'i-12'],
  ['InvalidInstanceID.Malformed', 'web-1'],
  ['InvalidInstanceID.NotFound', `i-${absent}`],
])('%s is what %s is called', async (code, id) => {
  const calls = [
    () => client.send(new DescribeInstancesCommand({ InstanceIds: [id] })),
    () => client.send(new TerminateInstancesCommand({ InstanceIds: [id] })),
    () => client.send(new StopInstancesCommand({ InstanceIds: [id] })),
    () => client.send(new GetConsoleOutputCommand({ InstanceId: id })),
  ]
  for (const call of calls) {
    // oxlint-disable-next-line no-await-in-loop -- the first that is wrong
    expect(await refusal(call())).toMatchObject({ code, status: 400 })
  }
})

test('the console shows what the machine printed, and nothing before it did', async () => {
  const id = await launchOne()
  const output = async () => {
    const { Output = '' } = await client.send(
      new GetConsoleOutputCommand({ InstanceId: id, Latest: true }),
    )
    return Buffer.from(Output, 'base64').toString()
  }
  expect(await output()).toBe('')
  host.latest.print('Linux version 6.1\n')
  expect(await output()).toBe('Linux version 6.1\n')
})

test('a changed attribute is really changed', async () => {
  const id = await launchOne({ InstanceInitiatedShutdownBehavior: 'stop' })
  host.latest.comeUp()
  await client.send(
    new ModifyInstanceAttributeCommand({
      InstanceId: id,
      InstanceInitiatedShutdownBehavior: { Value: 'terminate' },
    }),
  )
  host.latest.end({ reason: 'poweroff' })
  expect(await state(id)).toEqual([48, 'terminated'])
})

test.each([
  ['ubuntu/images/*ubuntu-noble-24.04-amd64-server-*', '099720109477'],
  ['debian-12-amd64-*', '136693071363'],
  ['debian-13-arm64-*', '136693071363'],
])('images called %s are found', async (name, owner) => {
  const { Images = [] } = await client.send(
    new DescribeImagesCommand({ Owners: [owner], Filters: [{ Name: 'name', Values: [name] }] }),
  )
  expect(Images).not.toEqual([])
})

describe('what is not here says so in EC2’s own form, and does nothing', () => {
  const calls = {
    CreatePlacementGroup: () =>
      client.send(new CreatePlacementGroupCommand({ GroupName: 'near', Strategy: 'cluster' })),
    DescribePlacementGroups: () => client.send(new DescribePlacementGroupsCommand({})),
    DeletePlacementGroup: () => client.send(new DeletePlacementGroupCommand({ GroupName: 'near' })),
    AllocateAddress: () => client.send(new AllocateAddressCommand({})),
    ReleaseAddress: () =>
      client.send(new ReleaseAddressCommand({ AllocationId: `eipalloc-${absent}` })),
    DescribeSpotPriceHistory: () => client.send(new DescribeSpotPriceHistoryCommand({})),
    RequestSpotInstances: () => client.send(new RequestSpotInstancesCommand({})),
    MonitorInstances: async () =>
      client.send(new MonitorInstancesCommand({ InstanceIds: [await launchOne()] })),
    CreateImage: async () =>
      client.send(new CreateImageCommand({ InstanceId: await launchOne(), Name: 'mine' })),
  }
  test.each(Object.entries(calls))('%s', async (action, call) => {
    expect(await refusal(call())).toEqual({
      code: 'UnsupportedOperation',
      status: 400,
      message: `${action} is not implemented by this local endpoint.`,
    })
  })

  test('another region', async () => {
    const elsewhere = ec2Client({ ...local, region: 'eu-central-1' })
    expect(await refusal(elsewhere.send(new DescribeInstanceTypesCommand({})))).toMatchObject({
      code: 'AuthFailure',
      status: 401,
    })
  })
})
