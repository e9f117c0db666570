/** What a person reads off the output of a run. */
import { stripVTControlCharacters } from 'node:util'

export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** The lines of an output without colours and without what a terminal overwrites. */
export function linesOf(output: string): string[] {
  return stripVTControlCharacters(output)
    .split('\n')
    .map((line) => line.trimEnd())
}

export function lastLine(output: string): string {
  return linesOf(output.trimEnd()).at(-1) ?? ''
}

/** Every table of numbers that Vitest printed: a head with `hz` in it, then its rows. */
export function tablesOf(output: string): Table[] {
  const lines = linesOf(output)
  const tables: Table[] = []
  for (const [index, line] of lines.entries()) {
    const columns = line.trim().split(/ {2,}/)
    if (!columns.includes('hz')) continue
    const title = lines.slice(0, index).findLast((above) => above.trim() !== '') ?? ''
    const rest = lines.slice(index + 1).map((row) => row.trim().split(/ {2,}/))
    const end = rest.findIndex((row) => row.length < columns.length)
    const rows = rest.slice(0, end === -1 ? undefined : end)
    tables.push({ title: title.trim(), columns, rows })
  }
  return tables
}

/**
 * What is the same in every run: numbers, ids and widths are replaced, which one is fastest is left out, and so is the
 * order in which machines answer.
 */
export function shapeOf(output: string): string[] {
  const lines = linesOf(output).map((line) =>
    line
      .replaceAll(/\bi-[0-9a-f]{17}\b/g, 'i-#')
      .replaceAll(/\b[0-9A-HJKMNP-TV-Z]{26}\b/g, 'RUN')
      .replaceAll(/\b\d[\d,.:]*/g, '#')
      .replace(/ +fastest$/, '')
      .replace(/( Duration {2}).*/, '$1')
      .replaceAll(/ {2,}/g, ' '),
  )
  return lines.filter((line) => line !== '').toSorted((a, b) => (a < b ? -1 : 1))
}
