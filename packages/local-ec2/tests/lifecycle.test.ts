import {
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeVolumesCommand,
  type EC2Client,
  GetConsoleOutputCommand,
  ModifyInstanceAttributeCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type LocalEc2, serve } from '../src/server.ts'
import { describeOne, ec2Client, refusal, run } from './clients.ts'
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

async function left(): Promise<{ volumes: number; interfaces: number }> {
  const { Volumes } = await client.send(new DescribeVolumesCommand({}))
  const { NetworkInterfaces } = await client.send(new DescribeNetworkInterfacesCommand({}))
  return { volumes: Volumes?.length ?? 0, interfaces: NetworkInterfaces?.length ?? 0 }
}

async function launchOne(input: Parameters<typeof run>[1] = {}): Promise<string> {
  const [instance] = await run(client, input)
  return instance?.InstanceId ?? ''
}

test('an instance is pending until its machine runs, and gone only when its machine is off', async () => {
  const id = await launchOne()
  expect(await describeOne(client, id)).toMatchObject({ State: { Code: 0, Name: 'pending' } })

  host.latest.comeUp()
  expect(await describeOne(client, id)).toMatchObject({
    State: { Code: 16, Name: 'running' },
    StateTransitionReason: '',
  })

  const { TerminatingInstances } = await client.send(
    new TerminateInstancesCommand({ InstanceIds: [id] }),
  )
  expect(TerminatingInstances).toEqual([
    {
      InstanceId: id,
      PreviousState: { Code: 16, Name: 'running' },
      CurrentState: { Code: 32, Name: 'shutting-down' },
    },
  ])
  expect(host.latest.unplugged).toBe(true)
  expect(await describeOne(client, id)).toMatchObject({ State: { Name: 'shutting-down' } })
  expect(await left()).toEqual({ volumes: 1, interfaces: 1 })

  host.latest.end({ reason: 'unplugged' })
  const gone = await describeOne(client, id)
  expect(gone).toMatchObject({
    State: { Code: 48, Name: 'terminated' },
    StateReason: {
      Code: 'Client.UserInitiatedShutdown',
      Message: 'Client.UserInitiatedShutdown: User initiated shutdown',
    },
    StateTransitionReason: expect.stringMatching(
      /^User initiated \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d GMT\)$/,
    ),
    NetworkInterfaces: [],
    SecurityGroups: [],
    BlockDeviceMappings: [],
  })
  expect(gone).not.toHaveProperty('PublicIpAddress')
  expect(gone).not.toHaveProperty('SubnetId')
  expect(await left()).toEqual({ volumes: 0, interfaces: 0 })
})

test('terminating twice is allowed and changes nothing', async () => {
  const id = await launchOne()
  const terminate = new TerminateInstancesCommand({ InstanceIds: [id, id] })
  await client.send(terminate)
  host.latest.end({ reason: 'unplugged' })
  const { TerminatingInstances } = await client.send(terminate)
  expect(TerminatingInstances).toEqual([
    {
      InstanceId: id,
      PreviousState: { Code: 48, Name: 'terminated' },
      CurrentState: { Code: 48, Name: 'terminated' },
    },
  ])
})

test('a machine that powers itself off terminates, if it was launched so', async () => {
  const id = await launchOne({ InstanceInitiatedShutdownBehavior: 'terminate' })
  host.latest.comeUp()
  host.latest.end({ reason: 'poweroff' })
  expect(await describeOne(client, id)).toMatchObject({
    State: { Name: 'terminated' },
    StateReason: {
      Code: 'Client.InstanceInitiatedShutdown',
      Message: 'Client.InstanceInitiatedShutdown: Instance initiated shutdown',
    },
  })
  expect(await left()).toEqual({ volumes: 0, interfaces: 0 })
})

test('otherwise it only stops: it keeps its disk and interface and loses its public address', async () => {
  const id = await launchOne()
  host.latest.comeUp()
  host.latest.end({ reason: 'poweroff' })
  const stopped = await describeOne(client, id)
  expect(stopped).toMatchObject({ State: { Code: 80, Name: 'stopped' } })
  expect(stopped).not.toHaveProperty('PublicIpAddress')
  expect(await left()).toEqual({ volumes: 1, interfaces: 1 })

  await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }))
  expect(await describeOne(client, id)).toMatchObject({ State: { Name: 'terminated' } })
  expect(await left()).toEqual({ volumes: 0, interfaces: 0 })
})

test('a machine that never comes up ends as an internal error that says why', async () => {
  const id = await launchOne()
  host.latest.end({ reason: 'failed', detail: 'no disk' })
  expect(await describeOne(client, id)).toMatchObject({
    State: { Name: 'terminated' },
    StateReason: {
      Code: 'Server.InternalError',
      Message: 'Server.InternalError: Internal error on launch: no disk',
    },
  })
})

test('a machine that powers off while it is being terminated was terminated by the user', async () => {
  const id = await launchOne()
  host.latest.comeUp()
  await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }))
  host.latest.end({ reason: 'poweroff' })
  expect(await describeOne(client, id)).toMatchObject({
    State: { Name: 'terminated' },
    StateReason: { Code: 'Client.UserInitiatedShutdown' },
  })
})

test('one id that does not exist saves all the others from termination', async () => {
  const [a = '', b = ''] = (await run(client, { MaxCount: 2 })).map(({ InstanceId }) => InstanceId)
  const ghost = 'i-0123456789abcdef0'
  const terminate = (ids: string[]) =>
    client.send(new TerminateInstancesCommand({ InstanceIds: ids }))

  expect(await refusal(terminate([a, ghost, b]))).toEqual({
    code: 'InvalidInstanceID.NotFound',
    status: 400,
    message: `The instance ID '${ghost}' does not exist`,
  })
  expect(await refusal(terminate([a, 'no-id', b]))).toEqual({
    code: 'InvalidInstanceID.Malformed',
    status: 400,
    message: 'Invalid id: "no-id" (expecting "i-...")',
  })
  expect(host.machines.map(({ unplugged }) => unplugged)).toEqual([false, false])
})

test('a volume that is not to be deleted with the instance stays, free for others', async () => {
  const id = await launchOne({
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: false } }],
  })
  await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }))
  host.latest.end({ reason: 'unplugged' })
  const { Volumes } = await client.send(new DescribeVolumesCommand({}))
  expect(Volumes).toMatchObject([{ State: 'available', Attachments: [] }])
})

test('an interface cannot outlive its instance: nothing here could delete it, nor keep its address', async () => {
  const NetworkInterfaces = [{ DeviceIndex: 0, DeleteOnTermination: false }]
  expect(await refusal(run(client, { NetworkInterfaces }))).toEqual({
    code: 'UnsupportedOperation',
    status: 400,
    message:
      'A network interface that is kept when its instance is terminated is not implemented by this local endpoint.',
  })
})

test('the console is what the machine printed, its last 64 KiB, also after its end', async () => {
  const id = await launchOne()
  host.latest.print('x'.repeat(70_000))
  host.latest.print('login: ')
  host.latest.end({ reason: 'failed' })
  const { Output = '' } = await client.send(new GetConsoleOutputCommand({ InstanceId: id }))
  const text = Buffer.from(Output, 'base64').toString()
  expect(text).toHaveLength(64 * 1024)
  expect(text).toMatch(/xlogin: $/)
})

test('only an instance that still has a network can change its groups', async () => {
  const id = await launchOne()
  const groups = (await describeOne(client, id)).SecurityGroups ?? []
  const change = new ModifyInstanceAttributeCommand({
    InstanceId: id,
    Groups: groups.flatMap(({ GroupId }) => GroupId ?? []),
  })
  await client.send(change)
  await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }))
  expect(await refusal(client.send(change))).toMatchObject({ code: 'IncorrectInstanceState' })
})

test('the port of a machine that shares its address is told by a tag', async () => {
  await using behindPort = await serve(new ScriptedHost({ sshPort: 40_022 }))
  const [instance] = await run(ec2Client(behindPort), {
    TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'a', Value: 'b' }] }],
  })
  expect(instance?.Tags).toEqual([
    { Key: 'a', Value: 'b' },
    { Key: 'local-ec2:ssh-port', Value: '40022' },
  ])
  expect((await run(client))[0]?.Tags).toEqual([])
})

test('closing powers off what still runs', async () => {
  await run(client, { MaxCount: 2 })
  await Promise.all([local.close(), local.close()])
  expect(host.closed).toBe(true)
  // Another client: this one still has a connection, and would only learn that it was cut.
  await expect(ec2Client(local).send(new DescribeInstancesCommand({}))).rejects.toMatchObject({
    code: 'ECONNREFUSED',
  })
})
