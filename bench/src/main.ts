/**
 * `script/bench [NAME…] [--json FILE]`: paired rounds in one run, medians and their spread. `ssh` takes rows as well
 * (`ssh exec-0 push-512`), `--quick` for three rounds, and `--profile` to show where our side spends its time.
 */
import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { measure, type Pair } from './paired.ts'
import type { RunOptions } from './ssh.bench.ts'
import { rows as sshRows } from './ssh/rows.ts'

interface Bench {
  readonly pairs?: Pair[]
  /** Instead of pairs: measures and prints by itself. */
  readonly run?: (options: RunOptions) => Promise<object[]>
  /** What else is worth knowing, once they are measured. */
  readonly notes?: () => string[]
  /** Frees what the module holds. */
  readonly close?: () => Promise<void>
}

const folder = import.meta.dirname
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => path.basename(file, '.bench.ts'))
const { values, positionals } = parseArgs({
  options: {
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const sshIds = sshRows.map(({ id }) => id)
const unknown = positionals.filter((name) => ![...names, ...sshIds].includes(name))
if (unknown.length > 0) {
  console.error(
    `no bench '${unknown.join(`', '`)}'; there is ${names.join(', ')}; rows of ssh are ${sshIds.join(', ')}`,
  )
  process.exit(2)
}
const asked = positionals.filter((name) => !names.includes(name))
const chosen = [...new Set(positionals.map((name) => (names.includes(name) ? name : 'ssh')))]
const rows: object[] = []
const heading = line('bench', 'case', 'ours', 'peer', '', 'ratio', 'low .. high', 'goal', 'rounds')
let isHeaded = false
for (const name of chosen.length > 0 ? chosen : names) {
  // oxlint-disable no-await-in-loop -- one after the other, or they would measure each other
  const bench: Bench = await import(`./${name}.bench.ts`)
  try {
    if (bench.run) rows.push(...(await interruptible(bench.run)))
    for (const pair of bench.pairs ?? []) {
      if (!isHeaded) console.log(heading)
      isHeaded = true
      const row = await measure(name, pair)
      rows.push(row)
      console.log(
        line(
          row.bench,
          row.case,
          amount(row.ours, row.unit),
          amount(row.peer, row.unit),
          row.peerName,
          row.ratio.toFixed(2),
          `${row.low.toFixed(2)} .. ${row.high.toFixed(2)}`,
          row.goal.toFixed(2),
          String(row.rounds),
        ),
      )
    }
    for (const note of bench.notes?.() ?? []) console.log(`${line(name)} ${note}`)
  } finally {
    await bench.close?.()
  }
  // oxlint-enable no-await-in-loop
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`)

/** What it has begun is ended before we are. */
async function interruptible(run: NonNullable<Bench['run']>): Promise<object[]> {
  const stop = new AbortController()
  const abort = (): void => stop.abort()
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.once(signal, abort)
  try {
    return await run({
      asked,
      isQuick: values.quick,
      isProfiled: values.profile,
      signal: stop.signal,
    })
  } catch (error) {
    if (stop.signal.aborted) process.exit(130)
    throw error
  } finally {
    for (const signal of signals) process.off(signal, abort)
  }
}

/** Three digits that mean something, for times of a millisecond and less too. */
function amount(value: number, unit: string): string {
  return `${value.toFixed(value < 10 ? 3 : 1)} ${unit}`
}

function line(...cells: string[]): string {
  const widths = [8, 42, 10, 10, 24, 6, 13, 6, 6]
  return cells
    .map((cell, index) => cell.padEnd(widths[index] ?? 0))
    .join(' ')
    .trimEnd()
}
