/** The way to a machine, longer, lossy or cut, to the millisecond and the packet. */
import { createHash, randomBytes } from 'node:crypto'

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { openMachineHost } from '../../src/machine/host.ts'
import type { MachineHost } from '../../src/machine/machine.ts'
import {
  boot,
  bootAgain,
  type Booted,
  cloudConfig,
  finished,
  type Keys,
  login,
  makeKeys,
  type Order,
  request,
  soon,
  ssh,
} from './bench-kit.ts'
import { openEcho } from './link-kit.ts'
import {
  connectMs,
  devices,
  inNetworkOf,
  packetsAt,
  refusal,
  relays,
  sendPackets,
} from './network.ts'
import { obstacle, patienceMs, way } from './ways.ts'

let keys: Keys
beforeAll(() => {
  keys = makeKeys()
})
afterAll(() => keys?.[Symbol.dispose]())

async function up(host: MachineHost, order: Order): Promise<Booted & { id: string }> {
  const machine = boot(host, order)
  await login(machine, keys)
  return Object.assign(machine, { id: order.instanceId })
}

describe.skipIf(obstacle !== '')(`machines of kind container${obstacle}`, () => {
  let host: MachineHost
  let machine: Booted & { id: string }
  let neighbour: Booted & { id: string }
  let order: Order
  beforeAll(async () => {
    host = await openMachineHost('container')
    order = request(cloudConfig(keys))
    ;[machine, neighbour] = await Promise.all([
      up(host, order),
      up(host, request(cloudConfig(keys))),
    ])
  })
  // A test that has failed must not leave its conditions to the next one.
  afterEach(async () => {
    await Promise.all([machine, neighbour].map((each) => each.link({})))
  })
  afterAll(() => host?.close())

  test.each([10, 50, 200])('a round trip takes %i ms longer, and no less', async (roundTripMs) => {
    const before = await way(machine)
    await machine.link({ roundTripMs })
    const after = await way(machine)
    expect(after).toBeGreaterThanOrEqual(roundTripMs)
    expect(after).toBeLessThan(before + roundTripMs + patienceMs)
    expect(await way(neighbour)).toBeLessThan(roundTripMs)
    await machine.link({})
  })

  test('its way to other machines and to the metadata service is as long, and two links add up', async () => {
    await machine.link({ roundTripMs: 40 })
    expect(await connectMs(machine.id, '169.254.169.254', 80)).toBeGreaterThanOrEqual(40)
    expect(await connectMs(machine.id, neighbour.privateIp, 9)).toBeGreaterThanOrEqual(40)
    await neighbour.link({ roundTripMs: 30 })
    expect(await connectMs(machine.id, neighbour.privateIp, 9)).toBeGreaterThanOrEqual(70)
    await neighbour.link({})
    await machine.link({})
  })

  test('what it was before is forgotten, and without conditions nothing of them is left', async () => {
    const before = await devices()
    expect(relays()).toEqual([])
    await machine.link({ roundTripMs: 100, lossRate: 1 })
    await machine.link({ cut: 'both' })
    expect(relays()).toHaveLength(1)
    await machine.link({ roundTripMs: 20 })
    const after = await way(machine)
    expect(after).toBeGreaterThanOrEqual(20)
    expect(after).toBeLessThan(100)
    await machine.link({})
    expect(relays()).toEqual([])
    expect(await devices()).toEqual(before)
    expect(await way(machine)).toBeLessThan(20)
  })

  test('as many packets are lost as asked, the same ones for the same seed', async () => {
    const lost = async (seed: number): Promise<number> => {
      const before = await packetsAt(machine.id)
      await machine.link({ lossRate: 0.2, seed })
      await sendPackets(machine.publicIp, 1000)
      await machine.link({})
      return 1000 - ((await packetsAt(machine.id)) - before)
    }
    const [first, again, other] = [await lost(1), await lost(1), await lost(2)]
    expect(again).toBe(first)
    expect(other).not.toBe(first)
    // Five standard deviations of that many draws.
    for (const count of [first, other]) expect(Math.abs(count - 200)).toBeLessThan(64)
  })

  test('as many are lost on the way out', async () => {
    const before = await packetsAt(neighbour.id)
    await machine.link({ lossRate: 0.5 })
    const target = `/dev/udp/${neighbour.privateIp}/9`
    await inNetworkOf(machine.id, `for i in {1..400}; do echo >${target}; done 2>/dev/null`)
    await machine.link({})
    const lost = 400 - ((await packetsAt(neighbour.id)) - before)
    expect(Math.abs(lost - 200)).toBeLessThan(50)
  })

  test('TCP brings everything over a link that loses packets, there and back', async () => {
    await machine.link({ roundTripMs: 5, lossRate: 0.02 })
    const text = randomBytes(700_000).toString('base64')
    const { stdout } = await ssh(machine, keys, 'cat', { input: text })
    expect(hash(stdout)).toBe(hash(text))
    await machine.link({})
  })

  test('a cut of two seconds says nothing to anybody, and a connection outlives it', async () => {
    using echo = openEcho(machine, keys)
    await echo.roundTrip()
    const before = await packetsAt(machine.id)
    await machine.link({ cut: 'both' })
    let isBack = false
    const back = echo.roundTrip().then(() => (isBack = true))
    back.catch(() => undefined)
    await sendPackets(machine.publicIp, 100)
    expect(await refusal(machine.publicIp, 2000)).toBeUndefined()
    expect(isBack).toBe(false)
    await machine.link({})
    await back
    await echo.roundTrip()
    expect(await packetsAt(machine.id)).toBe(before)
  })

  test('half a cut is open in the other direction', async () => {
    const target = `/dev/udp/${neighbour.privateIp}/9`
    const speak = (): Promise<string> =>
      inNetworkOf(machine.id, `for i in {1..10}; do echo >${target}; done 2>/dev/null`)
    let [here, there] = [await packetsAt(machine.id), await packetsAt(neighbour.id)]

    await machine.link({ cut: 'in' })
    await Promise.all([sendPackets(machine.publicIp, 100), speak()])
    expect(await refusal(machine.publicIp, 300)).toBeUndefined()
    await expect.poll(() => packetsAt(neighbour.id), soon).toBe((there += 10))
    expect(await packetsAt(machine.id)).toBe(here)

    await machine.link({ cut: 'out' })
    await Promise.all([sendPackets(machine.publicIp, 100), speak()])
    expect(await refusal(machine.publicIp, 300)).toBeUndefined()
    await expect.poll(() => packetsAt(machine.id), soon).toBe((here += 100))
    expect(await packetsAt(neighbour.id)).toBe(there)
    await machine.link({})
  })

  test('a cut takes what is under way, and the end of conditions brings it', async () => {
    const before = await packetsAt(machine.id)
    for (const next of [{ cut: 'in' } as const, {}]) {
      await machine.link({ roundTripMs: 60_000 })
      await sendPackets(machine.publicIp, 100)
      await machine.link(next)
    }
    await expect.poll(() => packetsAt(machine.id), soon).toBe(before + 100)
  })

  test('one whose program was killed is cut off until its link is asked for anew', async () => {
    await machine.link({ roundTripMs: 10 })
    const [relay] = relays()
    if (relay === undefined) throw new Error('no relay')
    process.kill(relay, 'SIGKILL')
    expect(await refusal(machine.publicIp, 300)).toBeUndefined()
    await machine.link({ roundTripMs: 10 })
    expect(await way(machine)).toBeGreaterThanOrEqual(10)
  })

  test('it outlasts a reboot, ends with the power, and can be had before the boot', async () => {
    await machine.link({ roundTripMs: 50 })
    machine.reboot()
    await finished(machine, 2)
    expect(await way(machine)).toBeGreaterThanOrEqual(50)
    await machine.powerOff()
    expect(relays()).toEqual([])
    bootAgain(machine, order.facts)
    await machine.running
    expect(await way(machine)).toBeLessThan(50)
    await machine.powerOff()
    bootAgain(machine, order.facts)
    await machine.link({ roundTripMs: 50 })
    await machine.running
    expect(await way(machine)).toBeGreaterThanOrEqual(50)
  })

  test('for one that is off it is nothing, and nothing of any is left when the host is closed', async () => {
    await machine.powerOff()
    await machine.link({ roundTripMs: 50 })
    expect(relays()).toEqual([])
    await neighbour.link({ roundTripMs: 50 })
    expect(relays()).toHaveLength(1)
    await host.close()
    expect(relays()).toEqual([])
  })
})

const hash = (text: string): string => createHash('sha256').update(text).digest('hex')
