import { startLocalEc2 } from '@benchaway/local-ec2'
import { expect, test } from 'vitest'

import { describeOn, has, systems } from '../../../local-ec2/tests/heavy/kit.ts'
import { openFleet } from '../../src/fleet.ts'
import { seenOn, wanted } from '../user-parts.ts'

// An ordinary user's machines have no systemd.
const kind = has({ kind: 'systemd' }) ? 'systemd' : 'cloud-init'

describeOn({ kind }, `on machines of kind ${kind}`, () => {
  test("a user's own parts are applied in their order, and neither our login nor our switch minds them", async () => {
    await using local = await startLocalEc2({ machine: kind })
    await using fleet = await openFleet({ project: 'user-parts', target: local })
    const seen = await Promise.all(systems.map((system) => seenOn(fleet, system)))
    expect(seen).toEqual(systems.map(() => wanted))
  })
})
