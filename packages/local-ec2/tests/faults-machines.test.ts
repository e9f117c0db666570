import { type EC2Client, StartInstancesCommand, StopInstancesCommand } from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { type InstanceEvent, type LocalEc2, startLocalEc2 } from '../src/index.ts'
import { serve } from '../src/server.ts'
import { describeOne, ec2Client, run } from './clients.ts'
import { ScriptedHost } from './scripted-host.ts'

let host: ScriptedHost
let local: LocalEc2
let ec2: EC2Client

beforeEach(async () => {
  host = new ScriptedHost()
  local = await serve(host)
  ec2 = ec2Client(local)
})
afterEach(() => local.close())

/** Of an endpoint, the next event with that state. */
function state(name: InstanceEvent['state'], endpoint = local): Promise<InstanceEvent> {
  return new Promise((resolve) => {
    const end = endpoint.onInstance((event) => {
      if (event.state !== name) return
      end()
      resolve(event)
    })
  })
}

/** One that runs. */
async function launch(InstanceType: 'm7i.large' | 'c7i.large' = 'm7i.large'): Promise<string> {
  const running = state('running')
  const [instance] = await run(ec2, { InstanceType })
  host.latest.comeUp()
  await running
  return instance?.InstanceId ?? ''
}

describe('from the first boot on', () => {
  test.each([
    [{ machine: 'never-boots' }, { neverBoots: true }],
    [{ machine: 'boots-slowly', bootDelayMs: 7000 }, { bootDelayMs: 7000 }],
    [{ machine: 'wrong-host-key' }, { wrongHostKey: true }],
  ] as const)('%j is handed to the machine that is launched', async (fault, troubles) => {
    const active = local.faults.add(fault)
    await run(ec2)
    expect(host.latest.request.troubles).toEqual(troubles)
    expect(active.strikes).toBe(1)
    active.remove()
    await run(ec2)
    expect(host.latest.request.troubles).toBeUndefined()
  })

  test('only the machines are struck whose number and type a fault names', async () => {
    local.faults.add({ machine: 'never-boots', launch: 2, instanceType: 'm7i.*' })
    local.faults.add({ machine: 'wrong-host-key', launch: { from: 3 } })
    await run(ec2, { MinCount: 1, MaxCount: 1, InstanceType: 'c7i.large' })
    await run(ec2, { MinCount: 3, MaxCount: 3 })
    expect(host.machines.map(({ request }) => request.troubles)).toEqual([
      undefined,
      undefined,
      { neverBoots: true, wrongHostKey: true },
      { wrongHostKey: true },
    ])
  })

  test('one that never boots stays pending while another, which is only slow, comes up', async () => {
    await using real = await startLocalEc2({
      machine: 'none',
      faults: [
        { machine: 'never-boots', launch: 1 },
        { machine: 'boots-slowly', bootDelayMs: 100, launch: 2 },
      ],
    })
    const client = ec2Client(real)
    const [first] = await run(client)
    const running = state('running', real)
    const started = performance.now()
    const [second] = await run(client)
    expect((await running).instanceId).toBe(second?.InstanceId)
    expect(performance.now() - started).toBeGreaterThan(99)
    expect((await describeOne(client, first?.InstanceId ?? '')).State?.Name).toBe('pending')
  })
})

describe('while it runs', () => {
  test('it is struck as soon as it runs, and only once', async () => {
    const fault = local.faults.add({ machine: 'freezes', instanceType: 'm7i.*' })
    await launch('c7i.large')
    expect(host.latest.troubles).toEqual([])
    const id = await launch()
    await fault.struck()
    expect(host.latest.troubles).toEqual(['freezes'])

    const stopped = state('stopped')
    await ec2.send(new StopInstancesCommand({ InstanceIds: [id] }))
    host.latest.end({ reason: 'unplugged' })
    await stopped
    const running = state('running')
    await ec2.send(new StartInstancesCommand({ InstanceIds: [id] }))
    host.latest.comeUp()
    await running
    expect([fault.strikes, host.latest.troubles]).toEqual([1, ['freezes']])
  })

  test('one that was there before the fault was not launched under it', async () => {
    const id = await launch()
    const stopped = state('stopped')
    await ec2.send(new StopInstancesCommand({ InstanceIds: [id] }))
    host.latest.end({ reason: 'unplugged' })
    await stopped
    const fault = local.faults.add({ machine: 'sshd-stops', launch: 1 })
    await ec2.send(new StartInstancesCommand({ InstanceIds: [id] }))
    const running = state('running')
    host.latest.comeUp()
    await running
    expect(host.latest.troubles).toEqual([])
    await launch()
    await fault.struck()
    expect(host.machines.map(({ troubles }) => troubles)).toEqual([[], ['sshd-stops']])
  })

  test('a while after it first ran, unless the fault is removed or the machine ends before', async () => {
    const late = local.faults.add({ machine: 'loses-network', afterMs: 60 })
    const started = performance.now()
    await launch()
    await late.struck()
    expect(performance.now() - started).toBeGreaterThan(59)
    expect(host.latest.troubles).toEqual(['loses-network'])
    late.remove()

    const removed = local.faults.add({ machine: 'disk-full', afterMs: 40 })
    const ended = local.faults.add({ machine: 'disk-full', afterMs: 40, launch: 1 })
    const marker = local.faults.add({ machine: 'freezes', afterMs: 80, launch: 2 })
    await launch()
    removed.remove()
    const terminated = state('terminated')
    host.latest.end({ reason: 'failed' })
    await terminated
    await launch()
    await marker.struck()
    expect([removed.strikes, ended.strikes]).toEqual([0, 0])
    expect(host.machines.map(({ troubles }) => troubles)).toEqual([
      ['loses-network'],
      [],
      ['freezes'],
    ])
  })

  test.each([
    ['terminate', 'shutting-down', 'Server.SpotInstanceTermination'],
    ['stop', 'stopping', 'Server.SpotInstanceShutdown'],
  ] as const)('an interruption (%s) is announced, and comes', async (behavior, name, code) => {
    const fault = local.faults.add({ machine: 'is-interrupted', noticeMs: 50, behavior })
    const ending = state(name)
    const id = await launch()
    await fault.struck()
    expect(host.latest.facts?.interruption?.action).toBe(behavior)
    expect((await describeOne(ec2, id)).State?.Name).toBe('running')
    await ending
    expect((await describeOne(ec2, id)).StateReason?.Code).toBe(code)
    expect(host.latest.unplugged).toBe(true)
  })
})

describe('strike()', () => {
  test('does it to one machine at once', async () => {
    const id = await launch()
    await launch()
    await local.faults.strike(id, { machine: 'sshd-stops' })
    await local.faults.strike(id, { machine: 'is-interrupted', noticeMs: 1_000_000 })
    expect(host.machines.map(({ troubles }) => troubles)).toEqual([['sshd-stops'], []])
    expect(host.machines[0]?.facts?.interruption?.action).toBe('terminate')
  })

  test('refuses an instance that is not there, and what cannot be done to one', async () => {
    await expect(
      local.faults.strike('i-0123456789abcdef0', { machine: 'freezes' }),
    ).rejects.toMatchObject({
      code: 'FAULT_INVALID',
      message: 'there is no instance i-0123456789abcdef0 to strike',
    })
    const id = await launch()
    // @ts-expect-error one that runs has booted
    await expect(local.faults.strike(id, { machine: 'never-boots' })).rejects.toMatchObject({
      code: 'FAULT_INVALID',
      message: 'fault.machine is no word for that: never-boots',
    })
  })
})
