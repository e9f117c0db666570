import {
  CreateSecurityGroupCommand,
  DescribeInstanceAttributeCommand,
  type EC2Client,
  type InstanceAttributeName,
  ModifyInstanceAttributeCommand,
  type ModifyInstanceAttributeCommandInput,
  ModifyInstanceMetadataOptionsCommand,
  StartInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type LocalEc2, serve } from '../src/server.ts'
import { describeOne, ec2Client, refusal, run, sendSigned } from './clients.ts'
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

type Input = Omit<ModifyInstanceAttributeCommandInput, 'InstanceId'>

async function launchOne(input: Parameters<typeof run>[1] = {}): Promise<string> {
  const [instance] = await run(client, input)
  return instance?.InstanceId ?? ''
}

async function launchStopped(): Promise<string> {
  const id = await launchOne()
  host.latest.comeUp()
  host.latest.end({ reason: 'poweroff' })
  return id
}

const modify = (id: string, input: Input) =>
  client.send(new ModifyInstanceAttributeCommand({ InstanceId: id, ...input }))

async function attribute(id: string, name: InstanceAttributeName): Promise<object> {
  const { $metadata: _, ...shown } = await client.send(
    new DescribeInstanceAttributeCommand({ InstanceId: id, Attribute: name }),
  )
  return shown
}

test('every attribute is answered alone, under its own name', async () => {
  const InstanceId = await launchOne({ UserData: Buffer.from('hello').toString('base64') })
  const { BlockDeviceMappings, SecurityGroups } = await describeOne(client, InstanceId)
  const expected: Record<InstanceAttributeName, object> = {
    blockDeviceMapping: { BlockDeviceMappings },
    disableApiStop: { DisableApiStop: { Value: false } },
    disableApiTermination: { DisableApiTermination: { Value: false } },
    ebsOptimized: { EbsOptimized: { Value: false } },
    enaSupport: { EnaSupport: { Value: true } },
    enclaveOptions: { EnclaveOptions: { Enabled: false } },
    groupSet: { Groups: SecurityGroups },
    instanceInitiatedShutdownBehavior: { InstanceInitiatedShutdownBehavior: { Value: 'stop' } },
    instanceType: { InstanceType: { Value: 'm7i.large' } },
    kernel: { KernelId: {} },
    productCodes: { ProductCodes: [] },
    ramdisk: { RamdiskId: {} },
    rootDeviceName: { RootDeviceName: { Value: '/dev/xvda' } },
    sourceDestCheck: { SourceDestCheck: { Value: true } },
    sriovNetSupport: { SriovNetSupport: {} },
    userData: { UserData: { Value: 'aGVsbG8=' } },
  }
  for (const name of Object.keys(expected) as InstanceAttributeName[]) {
    expect(await attribute(InstanceId, name)).toEqual({ InstanceId, ...expected[name] })
  }
})

test('an attribute that does not exist is refused', async () => {
  const InstanceId = await launchOne()
  const Attribute = 'colour' as InstanceAttributeName
  expect(
    await refusal(client.send(new DescribeInstanceAttributeCommand({ InstanceId, Attribute }))),
  ).toEqual({
    code: 'InvalidParameterValue',
    status: 400,
    message: 'Value (colour) for parameter attribute is invalid. Unknown attribute.',
  })
})

const whileRunning: [InstanceAttributeName, Input, object][] = [
  ['disableApiStop', { DisableApiStop: { Value: true } }, { DisableApiStop: { Value: true } }],
  [
    'disableApiTermination',
    { Attribute: 'disableApiTermination', Value: 'true' },
    { DisableApiTermination: { Value: true } },
  ],
  [
    'instanceInitiatedShutdownBehavior',
    { InstanceInitiatedShutdownBehavior: { Value: 'terminate' } },
    { InstanceInitiatedShutdownBehavior: { Value: 'terminate' } },
  ],
  ['sourceDestCheck', { SourceDestCheck: { Value: false } }, { SourceDestCheck: { Value: false } }],
  [
    'blockDeviceMapping',
    {
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: false } }],
    },
    { BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: false } }] },
  ],
]

test.each(whileRunning)('%s can be changed of one that runs', async (name, input, shown) => {
  const id = await launchOne()
  host.latest.comeUp()
  await modify(id, input)
  expect(await attribute(id, name)).toMatchObject(shown)
})

test('a volume that is named without more ends with its instance, as EC2 has it', async () => {
  const id = await launchOne()
  host.latest.comeUp()
  const kept = { DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: false } }
  await modify(id, { BlockDeviceMappings: [kept] })
  await modify(id, { BlockDeviceMappings: [{ DeviceName: '/dev/xvda' }] })
  expect(await attribute(id, 'blockDeviceMapping')).toMatchObject({
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: true } }],
  })
})

const whileStopped: [InstanceAttributeName, Input, object][] = [
  [
    'instanceType',
    { InstanceType: { Value: 'c7i.xlarge' } },
    { InstanceType: { Value: 'c7i.xlarge' } },
  ],
  ['userData', { UserData: { Value: Buffer.from('hi') } }, { UserData: { Value: 'aGk=' } }],
  ['userData', { Attribute: 'userData', Value: 'aGk=' }, { UserData: { Value: 'aGk=' } }],
  ['ebsOptimized', { EbsOptimized: { Value: true } }, { EbsOptimized: { Value: true } }],
]

test.each(whileStopped)('%s can be changed of a stopped one only', async (name, input, shown) => {
  const running = await launchOne()
  host.latest.comeUp()
  expect(await refusal(modify(running, input))).toEqual({
    code: 'IncorrectInstanceState',
    status: 400,
    message: `The instance '${running}' is not in the 'stopped' state.`,
  })
  const stopped = await launchStopped()
  await modify(stopped, input)
  expect(await attribute(stopped, name)).toMatchObject(shown)
})

test('another type and other user-data are there when the machine boots again', async () => {
  const id = await launchStopped()
  await modify(id, { InstanceType: { Value: 'c7i.xlarge' } })
  await modify(id, { UserData: { Value: Buffer.from('later') } })
  await client.send(new StartInstancesCommand({ InstanceIds: [id] }))
  expect(host.latest.facts).toMatchObject({
    instanceType: 'c7i.xlarge',
    userData: new Uint8Array(Buffer.from('later')),
  })
  expect(await describeOne(client, id)).toMatchObject({
    InstanceType: 'c7i.xlarge',
    CpuOptions: { CoreCount: 2, ThreadsPerCore: 2 },
  })
})

const refused: [string, Input, string, string][] = [
  ['nothing', {}, 'InvalidParameterCombination', 'No attributes specified.'],
  [
    'two attributes at once',
    { DisableApiStop: { Value: true }, EbsOptimized: { Value: true } },
    'InvalidParameterCombination',
    'Fields for multiple attribute types specified: DisableApiStop, EbsOptimized',
  ],
  [
    'a type that does not exist',
    { InstanceType: { Value: 'm99.huge' } },
    'InvalidInstanceAttributeValue',
    "Invalid value 'm99.huge' for instanceType.",
  ],
  [
    'a device that is not there',
    { BlockDeviceMappings: [{ DeviceName: '/dev/sdz', Ebs: { DeleteOnTermination: true } }] },
    'InvalidInstanceAttributeValue',
    'No device is currently mapped at /dev/sdz',
  ],
  [
    'user-data of 16 KiB and a byte',
    { UserData: { Value: Buffer.alloc(16_385) } },
    'InvalidParameterValue',
    'User data is limited to 16384 bytes',
  ],
  [
    'user-data that is not base64',
    { Attribute: 'userData', Value: '#!/bin/sh' },
    'InvalidUserData.Malformed',
    'Invalid BASE64 encoding of user data.',
  ],
  [
    'a shutdown behavior of a third kind',
    { InstanceInitiatedShutdownBehavior: { Value: 'hibernate' } },
    'InvalidParameterValue',
    'Value (hibernate) for parameter instanceInitiatedShutdownBehavior is invalid.',
  ],
  [
    'the root device, which is the image’s',
    { Attribute: 'rootDeviceName', Value: '/dev/sda1' },
    'UnsupportedOperation',
    'ModifyInstanceAttribute of rootDeviceName is not implemented by this local endpoint.',
  ],
]

test.each(refused)('%s is refused', async (_, input, code, message) => {
  const id = await launchStopped()
  expect(await refusal(modify(id, input))).toEqual({ code, status: 400, message })
})

test('a type of another architecture than the image is refused', async () => {
  const id = await launchStopped()
  expect(await refusal(modify(id, { InstanceType: { Value: 'c8g.large' } }))).toMatchObject({
    code: 'InvalidParameterValue',
    message: expect.stringContaining("The architecture 'arm64' of the specified instance type"),
  })
})

test('a blob that is not base64 is no user-data, whatever client sends it', async () => {
  const id = await launchStopped()
  const answer = await sendSigned(local, {
    form: `Action=ModifyInstanceAttribute&Version=2016-11-15&InstanceId=${id}&UserData.Value=${encodeURIComponent('#!/bin/sh')}`,
  })
  expect(answer.status).toBe(400)
})

test('a terminated one cannot be changed any more', async () => {
  const id = await launchOne()
  await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }))
  host.latest.end({ reason: 'unplugged' })
  expect(await refusal(modify(id, { DisableApiTermination: { Value: true } }))).toEqual({
    code: 'IncorrectInstanceState',
    status: 400,
    message: `The instance '${id}' is not in a state from which its attributes can be modified`,
  })
})

test('the machine learns of its new groups', async () => {
  const id = await launchOne()
  const { GroupId = '' } = await client.send(
    new CreateSecurityGroupCommand({ GroupName: 'web', Description: 'x' }),
  )
  await modify(id, { Groups: [GroupId] })
  expect(host.latest.facts?.securityGroups).toMatchObject([{ id: GroupId, name: 'web' }])
  expect(await attribute(id, 'groupSet')).toMatchObject({ Groups: [{ GroupId }] })
})

test('of metadata options those that are not given stay, and the machine learns the rest', async () => {
  const InstanceId = await launchOne({ MetadataOptions: { HttpPutResponseHopLimit: 3 } })
  const change = { HttpTokens: 'required', InstanceMetadataTags: 'enabled' } as const
  const { InstanceMetadataOptions } = await client.send(
    new ModifyInstanceMetadataOptionsCommand({ InstanceId, ...change }),
  )
  const options = { ...change, HttpEndpoint: 'enabled', HttpPutResponseHopLimit: 3 }
  expect(InstanceMetadataOptions).toMatchObject({ State: 'pending', ...options })
  expect((await describeOne(client, InstanceId)).MetadataOptions).toMatchObject({
    State: 'applied',
    ...options,
  })
  expect(host.latest.facts?.metadata).toEqual({
    httpTokens: 'required',
    httpEndpoint: 'enabled',
    hopLimit: 3,
    instanceTags: 'enabled',
  })
})

test('metadata options of one that has ended, or beyond their limits, are refused', async () => {
  const InstanceId = await launchOne()
  const set = (options: { HttpPutResponseHopLimit: number }) =>
    client.send(new ModifyInstanceMetadataOptionsCommand({ InstanceId, ...options }))
  expect(await refusal(set({ HttpPutResponseHopLimit: 0 }))).toMatchObject({
    code: 'InvalidParameterValue',
  })
  await client.send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] }))
  expect(await refusal(set({ HttpPutResponseHopLimit: 2 }))).toMatchObject({
    code: 'IncorrectInstanceState',
  })
})
