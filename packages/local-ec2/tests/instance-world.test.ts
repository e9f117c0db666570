import { afterEach, expect, test, vi } from 'vitest'

import { openNoneHost } from '../src/machine/none.ts'
import { forgetAfterMs, interrupt, terminate } from '../src/world/lifecycle.ts'
import { openWorld } from './in-process.ts'
import { ScriptedHost } from './scripted-host.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('an interruption may also stop a machine, which can be started again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const host = new ScriptedHost()
  const { world, launch } = openWorld(host)
  const instance = launch()
  interrupt(world, instance, { action: 'stop', noticeMs: 1000 })
  expect(host.latest.facts?.interruption).toMatchObject({ action: 'stop' })
  vi.advanceTimersByTime(1000)
  expect(instance.state).toBe('stopping')
  host.latest.end({ reason: 'unplugged' })
  await instance.power?.off
  expect(instance).toMatchObject({
    state: 'stopped',
    stateReason: {
      code: 'Server.SpotInstanceShutdown',
      message: 'Server.SpotInstanceShutdown: Spot instance shutdown',
    },
    interruption: undefined,
  })
})

test('of a forgotten launch nothing is kept but what makes its token invalid', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const host = new ScriptedHost()
  const { world, launch } = openWorld(host)
  const instance = launch({ ClientToken: 't', UserData: 'aGVsbG8=' })
  terminate(world, instance)
  host.latest.end({ reason: 'unplugged' })
  await instance.power?.off
  expect(instance.state).toBe('terminated')
  vi.advanceTimersByTime(forgetAfterMs)
  expect(world.instances.size).toBe(0)
  expect(world.reservations.get('t')).toMatchObject({ spec: undefined })
  expect(() => launch({ ClientToken: 't', UserData: 'aGVsbG8=' })).toThrow(
    "The instance launched with client token 't' has been terminated.",
  )
})

test('the ten thousandth launch costs about what the first ones cost', () => {
  const { launch } = openWorld(openNoneHost())
  const timeOf = (count: number): number => {
    const begun = performance.now()
    for (let index = 0; index < count; index++) launch()
    return performance.now() - begun
  }
  timeOf(500)
  const early = timeOf(500)
  launch({ MinCount: 9000, MaxCount: 9000 })
  // Were each launch to look at all instances, this would be ten times as much, or more.
  expect(timeOf(500)).toBeLessThan(5 * early + 100)
})

test('an address is given again when its machine is gone, as late as possible', async () => {
  const host = openNoneHost()
  const range = { cidr: '172.31.0.0/28' }
  const request = (instanceId: string) => ({ instanceId, defaultUser: 'admin' })
  const machines = Array.from({ length: 11 }, (_, index) =>
    host.create(request(`i-${index}`), range),
  )
  expect(machines.map(({ privateIp }) => privateIp)).toEqual(
    machines.map((__, index) => `172.31.0.${index + 4}`),
  )
  expect(() => host.create(request('i-x'), range)).toThrow(
    'no address of 172.31.0.0/28 is free in 172.31.0.0/16',
  )
  for (const index of [2, 7]) machines[index]?.discard()
  expect(host.create(request('i-y'), { cidr: '172.31.0.11/32' }).privateIp).toBe('172.31.0.11')
  expect(host.create(request('i-z'), range).privateIp).toBe('172.31.0.6')
})
