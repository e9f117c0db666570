/** How a run ends while some of it is still on its way, or has ended already. */
import { type LocalEc2, startLocalEc2 } from '@benchaway/local-ec2'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import { type Fleet, openFleet } from '../src/fleet.ts'
import type { FleetOptions } from '../src/options.ts'
import { leftAt, terminated, type } from './local.ts'

let local: LocalEc2
beforeAll(async () => {
  local = await startLocalEc2()
}, 120_000)
afterEach(() => local.faults.clear())
afterAll(() => local.close())

function openAt(options: Partial<FleetOptions> = {}): Promise<Fleet> {
  return openFleet({ project: 'fleet-end', target: local, ...options })
}

/** A launch of two, once one of them was met; the other will never boot. */
async function launchHalf(
  signal?: AbortSignal,
): Promise<{ fleet: Fleet; launching: Promise<unknown>; met: string }> {
  local.faults.add({ machine: 'never-boots', launch: 2 })
  const meeting = Promise.withResolvers<string>()
  const log = (line: string): void => {
    const [, id] = / (i-\S+) verified and logged in to /.exec(line) ?? []
    if (id !== undefined) meeting.resolve(id)
  }
  const fleet = await openAt({ log })
  const launching = fleet.launch({ type, count: 2, signal })
  launching.catch(meeting.reject)
  return { fleet, launching, met: await meeting.promise }
}

test('a machine that was met while another boots ends by our word when close() cannot reach EC2', async () => {
  const { fleet, launching, met } = await launchHalf()
  local.faults.add({ credentials: 'expired' })
  await expect(fleet.close()).rejects.toMatchObject({ code: 'CREDENTIALS_REFUSED' })
  await expect(launching).rejects.toMatchObject({ code: 'FLEET_CLOSED' })
  local.faults.clear()
  const { StateReason } = await terminated(local, met)
  expect(StateReason?.Code).toBe('Client.InstanceInitiatedShutdown')
  expect((await fleet.close()).left).toEqual([])
  expect(await leftAt(local)).toEqual([])
})

test('a machine that was met ends by our word when its launch is given up and EC2 does not terminate', async () => {
  const aborter = new AbortController()
  const { fleet, launching, met } = await launchHalf(aborter.signal)
  local.faults.add({ error: 'RequestExpired', action: 'TerminateInstances' })
  const enough = new Error('enough')
  aborter.abort(enough)
  await expect(launching).rejects.toBe(enough)
  const { StateReason } = await terminated(local, met)
  expect(StateReason?.Code).toBe('Client.InstanceInitiatedShutdown')
  local.faults.clear()
  expect((await fleet.close()).left).toEqual([])
  expect(await leftAt(local)).toEqual([])
})

test('close() ends what lives before EC2 has answered a launch that is under way', async () => {
  const fleet = await openAt()
  const { id } = await fleet.launch({ type })
  const held = local.faults.add({ delayMs: 600_000, action: 'RunInstances' })
  const launching = fleet.launch({ type })
  launching.catch(() => undefined)
  await held.struck()
  const closing = fleet.close()
  await terminated(local, id)
  // Only now the launch gets its answer.
  held.remove()
  await expect(launching).rejects.toMatchObject({ code: 'FLEET_CLOSED' })
  expect((await closing).left).toEqual([])
  expect(await leftAt(local)).toEqual([])
})

test('a machine that ended by itself does not count towards maxInstances', async () => {
  await using fleet = await openAt({ maxInstances: 1 })
  const first = await fleet.launch({ type })
  await expect(fleet.launch({ type })).rejects.toMatchObject({
    code: 'TOO_MANY_INSTANCES',
    message: '1 more would make 2 machines, and maxInstances is 1',
  })
  await first.powerOff()
  await terminated(local, first.id)
  const second = await fleet.launch({ type })
  expect((await second.exec('echo here')).stdout).toBe('here\n')
})

test('close() finishes what a hurried close() left', async () => {
  const fleet = await openAt()
  await fleet.launch({ type })
  // As EC2 answers while a machine in it shuts down, which here may be over by then.
  const busy = local.faults.add({
    error: 'DependencyViolation',
    action: 'DeleteSecurityGroup',
  })
  const { left } = await fleet.close({ waitMs: 0 })
  expect(left.map(({ kind }) => kind)).toContain('security-group')
  busy.remove()
  expect((await fleet.close()).left).toEqual([])
  expect(await leftAt(local)).toEqual([])
})
