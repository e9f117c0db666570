import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { install, packAll } from './pack.ts'
import { lastLine, tablesOf } from './report.ts'

let folder: string
let archives: ReadonlyMap<string, string>
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'benchaway-pack-'))
  archives = await packAll(folder)
})
afterAll(() => rmSync(folder, { recursive: true }))

const types = process.arch === 'arm64' ? ['m7g.large', 'c8g.large'] : ['m7i.large', 'c7i.large']
const local = { BENCHAWAY_TARGET: 'local', INSTANCES: types.join(',') }

test('basic-bench, installed from the archives with npm, measures two libraries on two machines', async () => {
  using user = await install('basic-bench', archives, 'npm')
  const { code, stdout, stderr } = await user.exec('vitest', ['bench', '--run'], local)
  expect(stderr).toBe('')
  expect(code).toBe(0)

  const tables = tablesOf(stdout)
  const ofMachines = tables.filter((table) => table.columns[0] === 'name')
  expect(ofMachines.map((table) => table.rows.map(([name]) => name))).toEqual([
    ['marked', 'markdown-it'],
    ['marked', 'markdown-it'],
  ])
  const across = tables.filter((table) => table.columns[0] === 'project')
  expect(across.map((table) => table.title)).toEqual([
    'markdown.bench.ts > Markdown to HTML > marked',
    'markdown.bench.ts > Markdown to HTML > markdown-it',
  ])
  for (const table of across) {
    expect(new Set(table.rows.map(([project]) => project))).toEqual(new Set(types))
  }
  // The same numbers stand in both: what a machine measured is what is compared.
  for (const row of across.flatMap((table) => table.rows)) {
    expect(ofMachines.flatMap((table) => table.rows.map(([, hz]) => hz))).toContain(row[1])
  }
  expect(lastLine(stdout)).toBe('left behind: nothing')
})

test('two-machines, installed from the archives with pnpm, measures a server on one machine from another', async () => {
  using user = await install('two-machines', archives, 'pnpm')
  const [SERVER = '', CLIENT = ''] = types
  const { code, stdout, stderr } = await user.exec('vitest', ['bench', '--run'], {
    BENCHAWAY_TARGET: 'local',
    SERVER,
    CLIENT,
  })
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(tablesOf(stdout).map((table) => table.rows.map(([name]) => name))).toEqual([
    ['64 bytes', '1 MiB'],
  ])
  expect(lastLine(stdout)).toBe('left behind: nothing')
})
