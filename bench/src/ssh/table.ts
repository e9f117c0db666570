/** What is printed: times where less is better, and for one large file the speed, where more is. */
import type { Spread, Standing } from './contest.ts'
import type { Goal, RowPlan } from './rows.ts'

/** One peer in one row, for programs: times in milliseconds, so that less is better everywhere. */
export interface Figure {
  readonly bench: 'ssh'
  readonly row: string
  readonly case: string
  readonly unit: 'ms'
  readonly ours: number
  readonly peer: number
  readonly peerName: string
  /** Median of ours / peer of each round, and the smallest and the largest one. */
  readonly ratio: number
  readonly low: number
  readonly high: number
  readonly rounds: number
  readonly goal?: number
  /** What the peer's client used of the processors, for each GB or each command. */
  readonly cpuMs: number
  readonly bytes?: number
  readonly isNative: boolean
  readonly failure?: string
}

/** Of what a row carries, if anything. */
type Bytes = number | undefined

const isSpeed = ({ content }: RowPlan): boolean => content?.startsWith('file') === true

export function heading(plan: RowPlan): string {
  const cpu = plan.content === undefined ? 'CPU ms' : 'CPU s/GB'
  const ratio = isSpeed(plan) ? 'ours is … x as fast' : 'ours takes … x'
  return `\n${plan.id}: ${plan.title}\n${cells('', 'median', 'low .. high', cpu, ratio, 'low .. high', 'rounds')}`
}

export function standing(
  plan: RowPlan,
  bytes: Bytes,
  { name, failure, ms, cpuMs, ratio, rounds }: Standing,
): string {
  if (failure !== undefined) return cells(name, failure)
  if (rounds === 0) return cells(name, 'not in so few rounds')
  const shown =
    isSpeed(plan) && bytes !== undefined
      ? { unit: 'MB/s', values: inverse(ms, bytes / 1000) }
      : { unit: 'ms', values: scaled(ms, plan.task === 'exec' ? 1 / plan.times : 1) }
  const versus = isSpeed(plan) ? inverse(ratio, 1) : ratio
  return cells(
    name,
    `${digits(shown.values.median)} ${shown.unit}`,
    range(shown.values),
    digits((cpuMs.median * perUnit(plan, bytes)) / (bytes === undefined ? 1 : 1000)),
    ...(name === 'ours' || Number.isNaN(versus.median)
      ? ['', '']
      : [versus.median.toFixed(2), range(versus, 2)]),
    String(rounds),
  )
}

export function figures(
  plan: RowPlan,
  bytes: Bytes,
  standings: readonly Standing[],
  isNative: boolean,
): Figure[] {
  const perCommand = plan.task === 'exec' ? 1 / plan.times : 1
  const [ours] = standings
  return standings.map(({ name, failure, ms, cpuMs, ratio, rounds }) => {
    const goal = plan.goals(isNative).find(({ peer }) => peer === name)?.most
    return {
      bench: 'ssh',
      row: plan.id,
      case: plan.title,
      unit: 'ms',
      ours: (ours?.ms.median ?? Number.NaN) * perCommand,
      peer: ms.median * perCommand,
      peerName: name,
      ratio: ratio.median,
      low: ratio.low,
      high: ratio.high,
      rounds,
      cpuMs: cpuMs.median * perUnit(plan, bytes),
      isNative,
      ...(goal === undefined ? {} : { goal }),
      ...(bytes === undefined ? {} : { bytes }),
      ...(failure === undefined ? {} : { failure }),
    }
  })
}

function verdict(plan: RowPlan, goal: Goal, all: readonly Figure[]): string[] {
  const inRow = all.filter(({ row }) => row === plan.id)
  const peer = inRow.find(({ peerName }) => peerName === goal.peer)
  if (peer === undefined) return []
  const isFast = isSpeed(plan)
  const wanted = isFast
    ? `>= ${(1 / goal.most).toFixed(2)} x ${goal.peer}`
    : `<= ${goal.most.toFixed(2)} x ${goal.peer}`
  const failure = inRow[0]?.failure ?? peer.failure
  const time = { median: peer.ratio, low: peer.low, high: peer.high }
  const seen = isFast ? inverse(time, 1) : time
  const missed = isFast ? 1 - goal.most / peer.ratio : peer.ratio / goal.most - 1
  const word = missed <= 0 ? 'met' : `missed by ${(missed * 100).toFixed(0)} %`
  const shown = failure === undefined ? `${seen.median.toFixed(2)} [${range(seen, 2)}]` : ''
  return [
    summary(plan.id, wanted, shown, failure === undefined ? word : `not measured: ${failure}`),
  ]
}

/** A line for each goal of a row that was measured. */
export function verdicts(
  plans: readonly RowPlan[],
  all: readonly Figure[],
  isNative: boolean,
): string {
  const lines = plans.flatMap((plan) =>
    plan.goals(isNative).flatMap((goal) => verdict(plan, goal, all)),
  )
  return ['', summary('row', 'goal', 'seen', ''), ...lines].join('\n')
}

function summary(...words: [string, string, string, string]): string {
  const widths = [10, 34, 22]
  return words
    .map((word, index) => word.padEnd(widths[index] ?? 0))
    .join(' ')
    .trimEnd()
}

const perUnit = ({ times }: RowPlan, bytes: Bytes): number =>
  bytes === undefined ? 1 / times : 1e9 / bytes

function inverse({ median, low, high }: Spread, of: number): Spread {
  return { median: of / median, low: of / high, high: of / low }
}

function scaled({ median, low, high }: Spread, by: number): Spread {
  return { median: median * by, low: low * by, high: high * by }
}

function range({ low, high }: Spread, places?: number): string {
  const show = (value: number): string =>
    places === undefined ? digits(value) : value.toFixed(places)
  return `${show(low)} .. ${show(high)}`
}

/** Three that mean something. */
function digits(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
}

function cells(...words: string[]): string {
  const widths = [30, 12, 16, 9, 20, 14, 6]
  return `  ${words.map((word, index) => word.padEnd(widths[index] ?? 0)).join(' ')}`.trimEnd()
}
