/** What every kind of machine has in common as to the way that leads to it. */
import { expect } from 'vitest'

import type { Booted, Keys } from './bench-kit.ts'
import { noLinks, openEcho, shortest } from './link-kit.ts'
import { packetsAt, refusal, sendPackets } from './network.ts'

/** Why a way cannot be looked at here, to be part of a test's name; empty where it can. */
export const obstacle: string =
  process.getuid?.() === 0 ? noLinks : ' (skipped: only root’s machines have addresses here)'

/** How long a round trip takes, in milliseconds. */
export const way = ({ publicIp }: Booted): Promise<number> => shortest(() => refusal(publicIp), 9)

/** What a busy computer may add to the shortest of some round trips. */
export const patienceMs = 25

/** Makes its link long, cuts it while a connection is up, makes it lossy, and ends all of that. */
export async function expectLongLossyAndCut(
  machine: Booted & { id: string },
  keys: Keys,
): Promise<void> {
  using echo = openEcho(machine, keys)
  await echo.roundTrip()
  const before = await packetsAt(machine.id)

  await machine.link({ roundTripMs: 50 })
  const after = await way(machine)
  expect(after).toBeGreaterThanOrEqual(50)
  expect(after).toBeLessThan(50 + patienceMs)

  await machine.link({ cut: 'both' })
  const back = echo.roundTrip()
  back.catch(() => undefined)
  expect(await refusal(machine.publicIp, 300)).toBeUndefined()
  await machine.link({ lossRate: 0.2 })
  await sendPackets(machine.publicIp, 1000)
  await back
  // Nothing is under way any more then.
  await machine.link({})
  const lost = 1000 - ((await packetsAt(machine.id)) - before)
  expect(Math.abs(lost - 200)).toBeLessThan(64)
}
