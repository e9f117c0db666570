/** A pair of ways to do the same work. Each is run once a round, so that whatever slows the computer slows both. */
export interface Pair {
  readonly case: string
  readonly peerName: string
  readonly rounds: number
  /** The ratio that we aim at, ours / peer. A function when it is said as a difference. */
  readonly goal: number | ((peer: number) => number)
  /** @default 'ms' */
  readonly unit?: Unit
  /** Each returns how long it took, or how much memory, in that unit. */
  ours(): Promise<number>
  peer(): Promise<number>
}

type Unit = 'ms' | 'MiB'

/** Medians over the rounds; less is better. */
export interface Row {
  readonly bench: string
  readonly case: string
  readonly unit: Unit
  readonly ours: number
  readonly peer: number
  readonly peerName: string
  /** Median of the ratios ours / peer of each round. */
  readonly ratio: number
  /** Smallest and largest ratio of a round. */
  readonly low: number
  readonly high: number
  readonly rounds: number
  readonly goal: number
}

export async function measure(bench: string, pair: Pair): Promise<Row> {
  const ours: number[] = []
  const peer: number[] = []
  // One round to warm caches, uncounted; then who goes first alternates.
  for (let round = -1; round < pair.rounds; round++) {
    const oursFirst = round % 2 === 0
    // oxlint-disable no-await-in-loop -- side by side they would measure each other
    const early = oursFirst ? await pair.ours() : await pair.peer()
    const late = oursFirst ? await pair.peer() : await pair.ours()
    // oxlint-enable no-await-in-loop
    if (round < 0) continue
    ours.push(oursFirst ? early : late)
    peer.push(oursFirst ? late : early)
  }
  const ratios = ours.map((value, round) => value / (peer[round] ?? Number.NaN))
  const peerMedian = median(peer)
  return {
    bench,
    case: pair.case,
    unit: pair.unit ?? 'ms',
    ours: median(ours),
    peer: peerMedian,
    peerName: pair.peerName,
    ratio: median(ratios),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
    rounds: pair.rounds,
    goal: typeof pair.goal === 'number' ? pair.goal : pair.goal(peerMedian),
  }
}

/** How long `work` takes, in milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}
