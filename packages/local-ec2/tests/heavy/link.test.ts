/** Links of machines with an init of their own, which make their network anew at a reboot. */
import { expect, onTestFinished, test } from 'vitest'

import { openMachineHost } from '../../src/machine/host.ts'
import { boot, cloudConfig, finished, makeKeys, request } from '../machine/bench-kit.ts'
import { expectLongLossyAndCut, obstacle, way } from '../machine/ways.ts'
import { bootMs, describeOn } from './kit.ts'

describeOn({ kind: 'systemd', systems: ['debian-12'] }, 'a machine of kind systemd', () => {
  test.skipIf(obstacle !== '')(
    `has a link that can be long, lossy and cut, and outlasts a reboot${obstacle}`,
    async () => {
      using keys = makeKeys()
      const host = await openMachineHost('systemd')
      onTestFinished(() => host.close())
      const order = { ...request(cloudConfig(keys)), system: 'debian-12' } as const
      const machine = Object.assign(boot(host, order), { id: order.instanceId })
      await finished(machine, 1, bootMs)
      await expectLongLossyAndCut(machine, keys)
      await machine.link({ roundTripMs: 20 })
      machine.reboot()
      await finished(machine, 2, bootMs)
      expect(await way(machine)).toBeGreaterThanOrEqual(20)
    },
  )
})
