import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

import { shapes } from '../src/faults/shapes.ts'
import { readFaults } from '../src/index.ts'

const root = path.join(import.meta.dirname, '..')
const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
const [, section = ''] = /^## Faults on demand\n(.*?)(?=^## |^Needs )/ms.exec(readme) ?? []

function block(language: string): string {
  return new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'ms').exec(section)?.[1] ?? ''
}

test('the README’s example says what its comment says', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=dev', '--input-type=module-typescript', '--eval', block('ts')],
    { cwd: root },
  )
  expect(stdout).toBe('InvalidGroup.Duplicate after 1 lost answer\n')
})

test('the README’s file is one that is taken', () => {
  expect(readFaults(block('json'))).toHaveLength(3)
})

test('the README lists exactly the kinds of faults that there are', () => {
  const listed = Array.from(section.matchAll(/^\| `(\w+)/gm), ([, name]) => name)
  expect(listed).toEqual(Object.keys(shapes))
})
