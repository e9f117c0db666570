/** Fifty machines at once: how long until each has done a command, and what the processes of one hold in memory. */
import { openFleet } from '@benchaway/core'

import { memoryOf, startEndpoint } from './endpoint-process.ts'
import type { Pair } from './paired.ts'
import { PlainSshds } from './plain-sshd.ts'

const machines = 50
// A process of its own: who waits for logins shall not be who boots.
const endpoint = await startEndpoint('auto')
const fleet = await openFleet({ project: 'bench', target: endpoint, maxInstances: machines })
const sshds = new PlainSshds()
const type = process.arch === 'arm64' ? 'm7g.large' : 'm7i.large'

/** Launches them, and calls `work` while all of them are there. */
async function launched(work: () => number | void): Promise<number> {
  const began = performance.now()
  const instances = await fleet.launch({ type, count: machines })
  await Promise.all(instances.map((instance) => instance.exec('true')))
  const result = work() ?? performance.now() - began
  await Promise.all(instances.map((instance) => instance.terminate()))
  return result
}

async function started(work: (pids: readonly number[]) => number | void): Promise<number> {
  const began = performance.now()
  const all = await Promise.all(Array.from({ length: machines }, () => sshds.start()))
  const result = work(all.map(({ pid }) => pid)) ?? performance.now() - began
  await Promise.all(all.map((sshd) => sshd[Symbol.asyncDispose]()))
  return result
}

export const pairs: Pair[] = [
  {
    case: `${machines} at once, to first commands done`,
    peerName: `${machines} sshd, not isolated`,
    rounds: 3,
    goal: 3,
    ours: () => launched(() => {}),
    peer: () => started(() => {}),
  },
  {
    case: `one of ${machines} that are idle`,
    peerName: 'sshd, not isolated',
    unit: 'MiB',
    rounds: 1,
    goal: 5,
    ours() {
      const before = memoryOf(endpoint.pid, 'Pss')
      return launched(() => (memoryOf(endpoint.pid, 'Pss') - before) / machines)
    },
    peer: () =>
      started((pids) => pids.reduce((sum, pid) => sum + memoryOf(pid, 'Pss'), 0) / machines),
  },
]

export async function close(): Promise<void> {
  await fleet.close()
  await endpoint[Symbol.asyncDispose]()
  sshds[Symbol.dispose]()
}
