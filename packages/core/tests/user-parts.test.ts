import { startLocalEc2 } from '@benchaway/local-ec2'
import { expect, test } from 'vitest'

import { openFleet } from '../src/fleet.ts'
import { seenOn, wanted } from './user-parts.ts'

test("a user's own parts are applied in their order, and neither our login nor our switch minds them", async () => {
  await using local = await startLocalEc2()
  await using fleet = await openFleet({ project: 'user-parts', target: local })
  expect(await seenOn(fleet, 'debian-12')).toEqual(wanted)
})
