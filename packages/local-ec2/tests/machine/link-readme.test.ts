import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

import { noLinks } from './link-kit.ts'

const root = path.join(import.meta.dirname, '..', '..')
const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
const [, section = ''] = /^## Links\n(.*?)(?=^## )/ms.exec(readme) ?? []
const [, example = ''] = /^```ts\n(.*?)^```$/ms.exec(section) ?? []
const obstacle =
  process.getuid?.() === 0 ? noLinks : ' (skipped: an ordinary user’s connection is made at once)'

test.skipIf(obstacle !== '')(
  `the README’s machine is as far away as its comment says${obstacle}`,
  async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=dev', '--input-type=module-typescript', '--eval', example],
      { cwd: root },
    )
    const [, code, ms] = /^(\w+) after (\d+) ms\n$/.exec(stdout) ?? []
    expect(code).toBe('ECONNREFUSED')
    expect(example).toContain(`${code} after 80 ms`)
    expect(Number(ms)).toBeGreaterThanOrEqual(80)
    expect(Number(ms)).toBeLessThan(1000)
  },
)
