/** `script/bench [NAME…] [--json FILE]`: paired rounds in one run, medians and their spread. */
import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { measure, type Pair, type Row } from './paired.ts'

interface Bench {
  readonly pairs: Pair[]
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
  options: { json: { type: 'string' } },
  allowPositionals: true,
})
const unknown = positionals.filter((name) => !names.includes(name))
if (unknown.length > 0) {
  console.error(`no bench '${unknown.join(`', '`)}'; there is ${names.join(', ')}`)
  process.exit(2)
}

const rows: Row[] = []
console.log(line('bench', 'case', 'ours', 'peer', '', 'ratio', 'low .. high', 'goal', 'rounds'))
for (const name of positionals.length > 0 ? positionals : names) {
  // oxlint-disable no-await-in-loop -- one after the other, or they would measure each other
  const bench: Bench = await import(`./${name}.bench.ts`)
  try {
    for (const pair of bench.pairs) {
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
