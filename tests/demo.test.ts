import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

import { expect, test, vi } from 'vitest'

import { lastLine, linesOf, shapeOf, tablesOf } from './report.ts'

const root = path.join(import.meta.dirname, '..')
const types = process.arch === 'arm64' ? ['m7g.large', 'c8g.large'] : ['m7i.large', 'c7i.large']

// It builds the packages first, which takes a busy computer more than a minute.
vi.setConfig({ testTimeout: 300_000 })

test('script/demo shows one bench file on two machines, where the time went, and that nothing is left', async () => {
  const { stdout } = await promisify(execFile)('script/demo', {
    cwd: root,
    // Vitest prints the names of projects in another way with colours.
    env: { ...process.env, NO_COLOR: '1' },
  })
  const lines = linesOf(stdout)
  // Nothing is added to it or left out of it in the README, but for what differs between computers.
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
  const [, shown = ''] = /\n\n```\n(.*?)^```$/ms.exec(readme) ?? []
  const ofThisComputer = /^ (?:local machines \(|runc containers: |RUN v)/
  const shape = (text: string): string[] =>
    shapeOf(text).filter((line) => !ofThisComputer.test(line))
  const [first = '', second = ''] = types
  const here = shown.replaceAll('m7i.large', first).replaceAll('c7i.large', second)
  expect(shape(stdout)).toEqual(shape(here))

  const across = tablesOf(stdout).filter((table) => table.columns[0] === 'project')
  expect(across).toHaveLength(2)
  for (const table of across) {
    expect(new Set(table.rows.map(([project]) => project))).toEqual(new Set(types))
  }

  for (const type of types) {
    expect(lines).toContainEqual(
      expect.stringMatching(
        new RegExp(`^ ${type.replace('.', String.raw`\.`)} +i-[0-9a-f]{17} at `),
      ),
    )
  }
  expect(lines).toContainEqual(
    expect.stringMatching(
      /Machines {2}boot [\d.]+ s, ship [\d.]+ s, measure [\d.]+ s, clean up [\d.]+ s$/,
    ),
  )
  expect(stdout).toMatch(/local machines \((?:container|rootless)\): numbers from this computer/)
  expect(lines).toContainEqual(
    expect.stringMatching(
      /Inventory {2}0 instances, 0 volumes, 0 network interfaces, 0 security groups$/,
    ),
  )
  expect(lastLine(stdout)).toBe('left behind: nothing')
})
