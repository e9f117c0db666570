/** Many ways to do the same work, each once a round, so that whatever slows the computer slows all of them. */
import { median } from '../paired.ts'
import type { Measured } from './job.ts'

export interface Contender {
  readonly name: string
  /** Only in the first rounds. */
  readonly isSlow?: boolean
  /** @param round -1 to warm up; that one does not count */
  run(round: number): Promise<Measured>
}

export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

export interface Standing {
  readonly name: string
  /** Why it has no figures. */
  readonly failure: string | undefined
  readonly ms: Spread
  readonly cpuMs: Spread
  /** Of each round that both were in, the first contender's time / this one's. */
  readonly ratio: Spread
  readonly rounds: number
}

/** @param slowRounds how many of them the slow ones are in */
export async function hold(
  contenders: readonly Contender[],
  rounds: number,
  slowRounds: number,
): Promise<Standing[]> {
  const entries = contenders.map((contender) => ({
    contender,
    byRound: new Map<number, Measured>(),
    failure: new Array<string>(),
  }))
  for (let round = -1; round < rounds; round++) {
    const first = (round + 1) % entries.length
    for (const { contender, byRound, failure } of [
      ...entries.slice(first),
      ...entries.slice(0, first),
    ]) {
      // What takes many seconds is not changed by what the first time costs more.
      const isIn = contender.isSlow === true ? round >= 0 && round < slowRounds : true
      if (!isIn || failure.length > 0) continue
      try {
        // oxlint-disable-next-line no-await-in-loop -- side by side they would measure each other
        const measured = await contender.run(round)
        if (round >= 0) byRound.set(round, measured)
      } catch (error) {
        failure.push(error instanceof Error ? error.message : String(error))
      }
    }
  }
  const [base] = entries
  return entries.map(({ contender: { name }, byRound, failure }) => {
    const all = [...byRound.values()]
    const ratios = [...byRound].flatMap(([round, { ms }]) => {
      const first = base?.byRound.get(round)
      return first === undefined ? [] : first.ms / ms
    })
    return {
      name,
      failure: failure[0],
      ms: spread(all.map(({ ms }) => ms)),
      cpuMs: spread(all.map(({ cpuMs }) => cpuMs)),
      ratio: spread(ratios),
      rounds: all.length,
    }
  })
}

function spread(values: readonly number[]): Spread {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) }
}
