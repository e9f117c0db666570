/** What ssh costs: ours beside OpenSSH's client, rsync and the usual libraries, with real servers of OpenSSH. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { type Contender, hold, type Standing } from './ssh/contest.ts'
import { compare, type Contents, makeContents } from './ssh/files.ts'
import type { Job } from './ssh/job.ts'
import { whyNoLink } from './ssh/link.ts'
import { type PeerProcess, startPeer } from './ssh/peer-process.ts'
import { hottest } from './ssh/profile.ts'
import { roundTripOf } from './ssh/round-trip.ts'
import { type Entrant, roundTripMs, type RowPlan, rows } from './ssh/rows.ts'
import { type Figure, figures, heading, standing, verdicts } from './ssh/table.ts'
import { hasRsync, isNative, versions } from './ssh/versions.ts'
import { startFar, startNear, type World } from './ssh/world.ts'

export interface RunOptions {
  /** Ids of rows; empty for all. */
  readonly asked: readonly string[]
  /** Three rounds. */
  readonly isQuick: boolean
  /** Shows where our side spends its time: that makes it slower. */
  readonly isProfiled: boolean
  readonly signal: AbortSignal
}

/** @throws the reason of `signal` when that aborts; nothing is left then */
export async function run(options: RunOptions): Promise<Figure[]> {
  const { asked, signal } = options
  for (const line of versions()) console.log(line)
  await using stack = new AsyncDisposableStack()
  const contents = stack.use(makeContents())
  const worlds = new Map<boolean, World>()
  const whyNotFar = whyNoLink()
  const all: Figure[] = []
  for (const plan of rows.filter(({ id }) => asked.length === 0 || asked.includes(id))) {
    signal.throwIfAborted()
    if (plan.isFar && whyNotFar !== undefined) {
      console.log(`\n${plan.id}: ${plan.title}\n  not measured: ${whyNotFar}`)
      continue
    }
    // oxlint-disable no-await-in-loop -- one after the other, or they would measure each other
    let world = worlds.get(plan.isFar)
    if (world === undefined) {
      world = stack.use(
        await (plan.isFar ? startFar(contents.folder, roundTripMs) : startNear(contents.folder)),
      )
      worlds.set(plan.isFar, world)
      console.log(`\n${plan.isFar ? 'far' : 'near'}: a round trip takes ${roundTripOf(world)} ms`)
    }
    const bytes = contents.bytesOf(plan.content)
    const standings = await measure(plan, world, contents, options)
    signal.throwIfAborted()
    console.log([heading(plan), ...standings.map((each) => standing(plan, bytes, each))].join('\n'))
    all.push(...figures(plan, bytes, standings, isNative))
    // oxlint-enable no-await-in-loop
  }
  // A profile makes ours slower.
  if (!options.isProfiled) console.log(verdicts(rows, all, isNative))
  return all
}

async function measure(
  plan: RowPlan,
  world: World,
  contents: Contents,
  { isQuick, isProfiled, signal }: RunOptions,
): Promise<Standing[]> {
  await using peers = new AsyncDisposableStack()
  const processes = new Map<string, PeerProcess>()
  for (const { peer } of plan.entrants) {
    if (!processes.has(peer)) processes.set(peer, peers.use(startPeer(peer, world.enter)))
  }
  const end = (): void => void peers.disposeAsync()
  signal.addEventListener('abort', end, { once: true })
  const profiles = isProfiled ? mkdtempSync(path.join(tmpdir(), 'benchaway-profile-')) : undefined
  const whole = contents.pathOf(plan.content)
  const contenders = plan.entrants.map((entrant): Contender => {
    const to = path.join(contents.folder, 'copy')
    const from = entrant.isTenth === true ? path.join(whole, 'part-0') : whole
    return {
      name: entrant.name,
      isSlow: entrant.isSlow ?? false,
      async run(round) {
        if (entrant.needs === 'rsync' && !hasRsync) throw new Error('not installed')
        rmSync(to, { recursive: true, force: true })
        const profile =
          profiles !== undefined && entrant.name === 'ours' && round >= 0
            ? path.join(profiles, `${plan.id}-${round}.cpuprofile`)
            : ''
        const job = jobOf(plan, entrant, world, { from, to, profile })
        const measured = await processes.get(entrant.peer)?.measure(job)
        if (measured === undefined) throw new Error(`no process for ${entrant.peer}`)
        // Once to the last byte: that takes its time.
        if (plan.content !== undefined) compare(from, to, round <= 0)
        const times = entrant.isTenth === true ? 10 : 1
        return { ms: measured.ms * times, cpuMs: measured.cpuMs * times }
      },
    }
  })
  const rounds = isQuick ? Math.min(plan.rounds, 3) : plan.rounds
  const standings = await hold(contenders, rounds, isQuick ? 1 : 3)
  signal.removeEventListener('abort', end)
  if (profiles !== undefined) {
    const lines = hottest(profiles)
    console.log(`\n${plan.id}: where ours was, of ${profiles}\n${lines.join('\n')}`)
  }
  return standings
}

function jobOf(
  { task, times, content }: RowPlan,
  { login = 'before', way = '', options = [] }: Entrant,
  { target }: World,
  files: Pick<Job, 'from' | 'to' | 'profile'>,
): Job {
  return { task, target, login, way, options, times, isFolder: content === 'tree', ...files }
}
