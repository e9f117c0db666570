/** What an endpoint costs that nobody has asked anything yet, beside a Node that does nothing. */
import { setTimeout as sleep } from 'node:timers/promises'

import { memoryOf, startEndpoint, startIdleNode } from './endpoint-process.ts'
import type { Pair } from './paired.ts'

/** Until what was only needed to start has been collected, or not. */
const settleMs = 1500

async function idleMemory(
  start: () => Promise<{ pid: number } & AsyncDisposable>,
): Promise<number> {
  await using running = await start()
  await sleep(settleMs)
  return memoryOf(running.pid, 'Rss')
}

async function startTime(
  start: () => Promise<{ startMs: number } & AsyncDisposable>,
): Promise<number> {
  await using running = await start()
  return running.startMs
}

export const pairs: Pair[] = [
  {
    case: 'idle, --machine none',
    peerName: 'idle Node',
    unit: 'MiB',
    rounds: 3,
    goal: (peer) => 120 / peer,
    ours: () => idleMemory(() => startEndpoint('none')),
    peer: () => idleMemory(startIdleNode),
  },
  {
    case: 'idle, all processes, --machine auto',
    peerName: 'idle Node',
    unit: 'MiB',
    rounds: 3,
    goal: (peer) => 240 / peer,
    ours: () => idleMemory(() => startEndpoint('auto')),
    peer: () => idleMemory(startIdleNode),
  },
  {
    case: 'start to ready, --machine none',
    peerName: 'idle Node',
    rounds: 9,
    goal: (peer) => (peer + 150) / peer,
    ours: () => startTime(() => startEndpoint('none')),
    peer: () => startTime(startIdleNode),
  },
]
