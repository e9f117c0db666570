import {
  DescribeVolumesCommand,
  type EC2Client,
  RebootInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { LocalEc2Error } from '../src/errors.ts'
import { type LocalEc2, serve } from '../src/server.ts'
import { forgetAfterMs } from '../src/world/lifecycle.ts'
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
afterEach(async () => {
  vi.useRealTimers()
  await local.close()
})

async function launchOne(input: Parameters<typeof run>[1] = {}): Promise<string> {
  const [instance] = await run(client, input)
  return instance?.InstanceId ?? ''
}

const stop = (id: string, options: { Force?: boolean; Hibernate?: boolean } = {}) =>
  client.send(new StopInstancesCommand({ InstanceIds: [id], ...options }))
const start = (...ids: string[]) => client.send(new StartInstancesCommand({ InstanceIds: ids }))
const reboot = (id: string) => client.send(new RebootInstancesCommand({ InstanceIds: [id] }))
const terminate = (...ids: string[]) =>
  client.send(new TerminateInstancesCommand({ InstanceIds: ids }))

async function launchStopped(input: Parameters<typeof run>[1] = {}): Promise<string> {
  const id = await launchOne(input)
  host.latest.comeUp()
  await stop(id)
  host.latest.end({ reason: 'unplugged' })
  return id
}

async function stateOf(id: string): Promise<string | undefined> {
  return (await describeOne(client, id)).State?.Name
}

const incorrect = (message: string) => ({ code: 'IncorrectInstanceState', status: 400, message })

test('one that is stopped is stopping until its machine is off, and says who stopped it', async () => {
  const id = await launchOne()
  host.latest.comeUp()
  const { StoppingInstances } = await stop(id)
  expect(StoppingInstances).toEqual([
    {
      InstanceId: id,
      PreviousState: { Code: 16, Name: 'running' },
      CurrentState: { Code: 64, Name: 'stopping' },
    },
  ])
  expect(host.latest).toMatchObject({ shutDowns: 1, unplugged: false })
  expect(await describeOne(client, id)).toMatchObject({
    State: { Name: 'stopping' },
    PublicIpAddress: '198.18.4.10',
  })
  host.latest.end({ reason: 'unplugged' })
  const stopped = await describeOne(client, id)
  expect(stopped).toMatchObject({
    State: { Code: 80, Name: 'stopped' },
    StateReason: {
      Code: 'Client.UserInitiatedShutdown',
      Message: 'Client.UserInitiatedShutdown: User initiated shutdown',
    },
    StateTransitionReason: expect.stringMatching(/^User initiated \(.* GMT\)$/),
    PublicDnsName: '',
    PrivateIpAddress: '198.18.4.10',
  })
  expect(stopped).not.toHaveProperty('PublicIpAddress')
  expect(host.latest.discarded).toBe(false)
})

test('one that is started has its disk and private address, and another public one', async () => {
  const id = await launchStopped()
  const before = await describeOne(client, id)
  const { StartingInstances } = await start(id)
  expect(StartingInstances).toEqual([
    {
      InstanceId: id,
      PreviousState: { Code: 80, Name: 'stopped' },
      CurrentState: { Code: 0, Name: 'pending' },
    },
  ])
  expect(await describeOne(client, id)).toMatchObject({
    State: { Name: 'pending' },
    StateReason: { Code: 'pending', Message: 'pending' },
    StateTransitionReason: '',
  })
  host.latest.comeUp()
  const after = await describeOne(client, id)
  expect(after).toMatchObject({
    State: { Name: 'running' },
    PrivateIpAddress: before.PrivateIpAddress,
    PublicIpAddress: '198.19.2.1',
    BlockDeviceMappings: before.BlockDeviceMappings,
    NetworkInterfaces: [{ MacAddress: before.NetworkInterfaces?.[0]?.MacAddress }],
  })
  expect(after).not.toHaveProperty('StateReason')
  expect(host.latest.boots).toBe(2)
})

test('one that was launched without a public address gets none when it is started', async () => {
  const id = await launchStopped({
    NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: false }],
  })
  await start(id)
  host.latest.comeUp()
  expect(await describeOne(client, id)).not.toHaveProperty('PublicIpAddress')
})

test('stopping what is stopped and starting what runs change nothing', async () => {
  const id = await launchStopped()
  expect((await stop(id)).StoppingInstances).toMatchObject([
    { PreviousState: { Name: 'stopped' }, CurrentState: { Name: 'stopped' } },
  ])
  await start(id)
  expect((await start(id)).StartingInstances).toMatchObject([
    { PreviousState: { Name: 'pending' }, CurrentState: { Name: 'pending' } },
  ])
  expect(host.latest.boots).toBe(2)
})

test('no state is left in a way that EC2 does not know', async () => {
  const id = await launchOne()
  expect(await refusal(stop(id))).toEqual(
    incorrect(`Instance '${id}' cannot be stopped as it has never reached the 'running' state.`),
  )
  host.latest.comeUp()
  await stop(id)
  expect(await refusal(start(id))).toEqual(
    incorrect(`The instance '${id}' is not in a state from which it can be started.`),
  )
  host.latest.end({ reason: 'unplugged' })
  expect(await refusal(reboot(id))).toEqual(
    incorrect(`The instance '${id}' is not in a state from which it can be rebooted.`),
  )
  await terminate(id)
  expect(await refusal(start(id))).toEqual(
    incorrect(`The instance '${id}' is not in a state from which it can be started.`),
  )
  expect(await refusal(stop(id))).toEqual(
    incorrect(`The instance '${id}' is not in a state from which it can be stopped.`),
  )
})

test('one bad state keeps all others of the call as they are', async () => {
  const stopped = await launchStopped()
  const ended = await launchOne()
  await terminate(ended)
  host.latest.end({ reason: 'unplugged' })
  expect(await refusal(start(stopped, ended))).toMatchObject({ code: 'IncorrectInstanceState' })
  expect(await stateOf(stopped)).toBe('stopped')
})

test('one that is being stopped can be terminated, and ends with the same power-off', async () => {
  const id = await launchOne()
  host.latest.comeUp()
  await stop(id)
  await terminate(id)
  expect(await stateOf(id)).toBe('shutting-down')
  host.latest.end({ reason: 'unplugged' })
  expect(await stateOf(id)).toBe('terminated')
  expect(host.latest.discarded).toBe(true)
})

test('one that powers itself off while it is being stopped is stopped, whatever its shutdown means', async () => {
  const id = await launchOne({ InstanceInitiatedShutdownBehavior: 'terminate' })
  host.latest.comeUp()
  await stop(id)
  host.latest.end({ reason: 'poweroff' })
  expect(await describeOne(client, id)).toMatchObject({
    State: { Name: 'stopped' },
    StateReason: { Code: 'Client.UserInitiatedShutdown' },
    StateTransitionReason: expect.stringMatching(/^User initiated/),
  })
})

test('one that was started and stopped before it came up is off for good', async () => {
  const id = await launchStopped()
  await start(id)
  await stop(id)
  expect(await stateOf(id)).toBe('stopping')
  host.latest.comeUp()
  expect(await stateOf(id)).toBe('stopping')
  host.latest.end({ reason: 'unplugged' })
  expect(await stateOf(id)).toBe('stopped')
})

test('a reboot leaves it running; a terminated one is not asked', async () => {
  const id = await launchOne()
  host.latest.comeUp()
  await reboot(id)
  expect(host.latest.reboots).toBe(1)
  expect(await stateOf(id)).toBe('running')
  await terminate(id)
  host.latest.end({ reason: 'unplugged' })
  await reboot(id)
  expect(host.latest.reboots).toBe(1)
})

test('nothing can hibernate', async () => {
  const id = await launchOne()
  host.latest.comeUp()
  expect(await refusal(stop(id, { Hibernate: true }))).toEqual({
    code: 'UnsupportedHibernationConfiguration',
    status: 400,
    message: `The instance can't be hibernated because it was not configured at launch for hibernation: ${id}`,
  })
})

test('a machine that does not come up again is stopped by an internal error, with its disk', async () => {
  const id = await launchStopped()
  await start(id)
  host.latest.end({ reason: 'failed', detail: 'no init' })
  expect(await describeOne(client, id)).toMatchObject({
    State: { Name: 'stopped' },
    StateReason: {
      Code: 'Server.InternalError',
      Message: 'Server.InternalError: Internal error on launch: no init',
    },
  })
  expect(host.latest.discarded).toBe(false)
})

test('a start for which there is no public address leaves it stopped', async () => {
  const id = await launchStopped()
  host.latest.refusal = new LocalEc2Error('NO_FREE_ADDRESS', 'all are taken')
  expect(await refusal(start(id))).toEqual({
    code: 'InsufficientAddressCapacity',
    status: 500,
    message: 'Not enough available addresses to satisfy your minimum request.',
  })
  expect(await stateOf(id)).toBe('stopped')
})

test('a launch whose machine cannot be powered on leaves nothing behind', async () => {
  host.refusal = new LocalEc2Error('NO_FREE_ADDRESS', 'all are taken')
  expect(await refusal(run(client))).toMatchObject({ code: 'InsufficientFreeAddressesInSubnet' })
  expect(host.latest.discarded).toBe(true)
  const { Volumes } = await client.send(new DescribeVolumesCommand({}))
  expect(Volumes).toEqual([])
})

test('a protected one is not terminated, nor are others in its zone', async () => {
  const launchIn = (zone: string, options = {}) =>
    launchOne({ Placement: { AvailabilityZone: zone }, ...options })
  const kept = await launchIn('us-east-1a', { DisableApiTermination: true })
  const besides = await launchIn('us-east-1a')
  const elsewhere = await launchIn('us-east-1b')
  expect(await refusal(terminate(besides, kept, elsewhere))).toEqual({
    code: 'OperationNotPermitted',
    status: 400,
    message: `The instance '${kept}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,
  })
  expect(host.machines.map(({ unplugged }) => unplugged)).toEqual([false, false, true])
})

test.each([{ Force: true }, { SkipOsShutdown: true }])(
  'a stop with %j does without the shutdown of its system, also one that has begun',
  async (options) => {
    const id = await launchOne()
    host.latest.comeUp()
    await stop(id, options)
    expect(host.latest).toMatchObject({ shutDowns: 0, unplugged: true })

    const slow = await launchOne()
    host.latest.comeUp()
    await stop(slow)
    expect(host.latest).toMatchObject({ shutDowns: 1, unplugged: false })
    await stop(slow, options)
    expect(host.latest).toMatchObject({ shutDowns: 1, unplugged: true })
  },
)

test('protection from being stopped is protection from being terminated as well', async () => {
  const id = await launchOne({ DisableApiStop: true })
  host.latest.comeUp()
  const refused = (verb: string) => ({
    code: 'OperationNotPermitted',
    status: 400,
    message: `The instance '${id}' may not be ${verb}. Modify its 'disableApiStop' instance attribute and try again.`,
  })
  expect(await refusal(stop(id, { Force: true }))).toEqual(refused('stopped'))
  expect(await refusal(terminate(id))).toEqual(refused('terminated'))
})

test('a protected machine that powers itself off terminates all the same', async () => {
  const id = await launchOne({
    DisableApiTermination: true,
    InstanceInitiatedShutdownBehavior: 'terminate',
  })
  host.latest.comeUp()
  host.latest.end({ reason: 'poweroff' })
  expect(await describeOne(client, id)).toMatchObject({
    State: { Name: 'terminated' },
    StateReason: { Code: 'Client.InstanceInitiatedShutdown' },
    StateTransitionReason: '',
  })
})

test('an hour after its end nobody knows of an instance any more', async () => {
  const id = await launchOne()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  await terminate(id)
  host.latest.end({ reason: 'unplugged' })
  expect(await stateOf(id)).toBe('terminated')
  vi.advanceTimersByTime(forgetAfterMs - 1)
  expect(await stateOf(id)).toBe('terminated')
  vi.advanceTimersByTime(1)
  expect(await refusal(describeOne(client, id))).toEqual({
    code: 'InvalidInstanceID.NotFound',
    status: 400,
    message: `The instance ID '${id}' does not exist`,
  })
})
