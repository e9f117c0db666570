/** Links of machines whose root takes their network away, and of those that get a new one at a reboot. */
import { spawn } from 'node:child_process'

import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'

import { openMachineHost } from '../../src/machine/host.ts'
import type { MachineHost } from '../../src/machine/machine.ts'
import {
  boot,
  type Booted,
  cloudConfig,
  finished,
  type Keys,
  login,
  makeKeys,
  request,
  soon,
  sshArguments,
} from '../machine/bench-kit.ts'
import { noLinks } from '../machine/link-kit.ts'
import { devices, relays } from '../machine/network.ts'
import { expectLongLossyAndCut, obstacle } from '../machine/ways.ts'
import { bootMs, describeOn } from './kit.ts'

describe.skipIf(noLinks !== '')(`the link of a machine${noLinks}`, () => {
  describeOn({ kind: 'cloud-init', systems: ['debian-13'] }, 'that boots an image', () => {
    let keys: Keys
    let host: MachineHost
    let machine: Booted & { id: string }
    let before: string[]

    beforeAll(async () => {
      keys = makeKeys()
      host = await openMachineHost('cloud-init')
      before = await devices()
      const order = { ...request(cloudConfig(keys)), system: 'debian-13' } as const
      machine = Object.assign(boot(host, order), { id: order.instanceId })
      await finished(machine, 1, bootMs)
    })
    afterAll(async () => {
      await host?.close()
      keys?.[Symbol.dispose]()
    })

    const boots = (): number => machine.console().split(' boots\n').length - 1

    test.skipIf(obstacle !== '')(`can be long, lossy and cut${obstacle}`, async () => {
      await expectLongLossyAndCut(machine, keys)
    })

    test('takes what it is told while a reboot makes its network anew', async () => {
      machine.reboot()
      const refusals: unknown[] = []
      const begin = performance.now()
      for (let count = 1; boots() < 2 && performance.now() - begin < bootMs; count++) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await machine
          .link(count % 2 === 1 ? { roundTripMs: count } : {})
          .catch((error: unknown) => {
            refusals.push(error)
          })
      }
      expect(boots()).toBe(2)
      expect(refusals).toEqual([])
      await machine.link({ roundTripMs: 1 })
      expect(relays()).toHaveLength(1)
      await login(machine, keys)
    })

    test('whose program was killed is cut off also after a reboot, until it is asked for anew', async () => {
      await machine.link({ roundTripMs: 1 })
      const [relay] = relays()
      if (relay === undefined) throw new Error('no relay')
      process.kill(relay, 'SIGKILL')
      const count = boots()
      machine.reboot()
      const end = machine.off.then(({ reason, detail }) => `${reason}: ${detail}`)
      const again = vi
        .waitUntil(() => boots() === count + 1, { timeout: bootMs })
        .then(() => 'boots')
      expect(await Promise.race([end, again])).toBe('boots')
      await machine.link({})
      await login(machine, keys)
    })

    test('goes with its power, program and devices, after its interface was deleted from inside', async () => {
      await machine.link({ roundTripMs: 20 })
      expect(relays()).toHaveLength(1)
      const port = (await devices()).find((name) => name.startsWith('m') && !before.includes(name))
      // Its own session never hears of its end.
      const client = spawn('ssh', [...sshArguments(machine, keys), 'sudo ip link delete eth0'])
      onTestFinished(() => void client.kill('SIGKILL'))
      await expect.poll(devices, soon).not.toContain(port)
      await machine.powerOff()
      expect(relays()).toEqual([])
      expect(await devices()).toEqual(before)
    })
  })
})
