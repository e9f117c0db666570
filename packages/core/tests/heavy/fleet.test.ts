/** Whole runs on machines that boot as those of EC2 do: everyday promises, kept by real cloud-init, systemd and sshd. */
import { type LocalEc2, startLocalEc2 } from '@benchaway/local-ec2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { describeOn } from '../../../local-ec2/tests/heavy/kit.ts'
import {
  expectOpenSshGetsIn,
  expectToReachEachOther,
  expectWholeRun,
} from '../launched-machines.ts'
import { leftAt } from '../local.ts'

for (const [kind, image] of [
  ['systemd', 'debian-13'],
  ['cloud-init', 'debian-12'],
] as const) {
  describeOn({ kind, systems: [image] }, `on machines of kind ${kind} with ${image}`, () => {
    const launched = { image, user: 'admin' }
    let local: LocalEc2
    beforeAll(async () => {
      local = await startLocalEc2({ machine: kind })
    })
    afterAll(() => local.close())

    // All at once: each has machines of its own.
    describe('a run', { concurrent: true }, () => {
      test('goes from its launch to an empty inventory', async () => {
        await expectWholeRun(local, launched)
      })

      test("lets OpenSSH's own client in, which checks the host key", async () => {
        await expectOpenSshGetsIn(local, launched)
      })

      test('has machines that reach each other', async () => {
        await expectToReachEachOther(local, launched)
      })
    })

    test('nothing of these runs is left in the account', async () => {
      expect(await leftAt(local)).toEqual([])
    })
  })
}
