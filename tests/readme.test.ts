import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

import { describe, expect, test } from 'vitest'

const root = path.join(import.meta.dirname, '..')
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')
const readme = read('README.md')

/** Code blocks of a language, without the comment that names the file. */
function blocks(language: string, text = readme): { file: string | undefined; code: string }[] {
  return Array.from(
    text.matchAll(new RegExp(String.raw`^\`\`\`${language}\n(?:// (\S+)\n)?(.*?)^\`\`\`$`, 'gms')),
    ([, file, code = '']) => ({ file, code }),
  )
}

describe('the README', () => {
  test.each(['markdown.bench.ts', 'vitest.config.ts'])(
    'shows %s of basic-bench as it is',
    (name) => {
      const shown = blocks('ts').find(({ file }) => file === name)
      expect(shown?.code).toBe(read(`examples/basic-bench/${name}`))
    },
  )

  test('lists exactly the options that benchaway() takes, in their order', () => {
    const source = read('packages/vitest-plugin/src/options.ts')
    const [, body = ''] = /export interface BenchawayOptions \{(.*?)^\}/ms.exec(source) ?? []
    const declared = Array.from(body.matchAll(/^ {2}(\w+)\??:/gm), ([, name]) => name)
    const [, table = ''] = /^## Options of `benchaway\(\)`\n(.*?)\n## /ms.exec(readme) ?? []
    const listed = Array.from(table.matchAll(/^\| `(\w+)` \|/gm), ([, name]) => name)
    expect(listed).toEqual(declared)
  })

  test('names exactly the AWS actions that core calls', () => {
    const sources = globSync('packages/core/src/**/*.ts', { cwd: root }).map((file) => read(file))
    const called = new Set(
      sources.flatMap((text) =>
        Array.from(
          text.matchAll(/new (\w+)Command\(|\bpaginate(\w+)\(/g),
          ([, command, paged]) => command ?? paged,
        ),
      ),
    )
    const [, table = ''] = /^\| service \| actions \|\n(.*?)\n\n/ms.exec(readme) ?? []
    const listed = Array.from(table.matchAll(/`(\w+)`/g), ([, name]) => name)
    // A permission without a call of its own: tags are set by the calls that create.
    expect(new Set(listed)).toEqual(called.add('CreateTags'))
  })

  test('names only scripts and files that exist', () => {
    const named = new Set([
      ...Array.from(readme.matchAll(/\bscript\/\w+/g), ([name]) => name),
      ...Array.from(readme.matchAll(/\]\(([^)#:]+)\)/g), ([, name = '']) => name),
    ])
    expect(named.size).toBeGreaterThan(4)
    for (const name of named)
      expect(() => execFileSync('test', ['-e', path.join(root, name)])).not.toThrow()
  })

  test('shows uname.mts of without-vitest as it is, which runs', () => {
    const folder = path.join(root, 'examples/without-vitest')
    const code = read('examples/without-vitest/uname.mts')
    expect(blocks('ts').find(({ file }) => file === 'uname.mts')?.code).toBe(code)
    const said = execFileSync(process.execPath, ['--conditions=dev', 'uname.mts'], {
      cwd: folder,
      encoding: 'utf8',
    })
    expect(said).toMatch(/^Linux \S+ /)
  })
})

describe("the plugin's README", () => {
  const own = read('packages/vitest-plugin/README.md')

  test.each(['vitest.config.ts', 'echo.driver.bench.ts', 'client.ts'])(
    'shows %s of two-machines as it is',
    (name) => {
      const shown = blocks('ts', own).find(({ file }) => file === name)
      expect(shown?.code).toBe(read(`examples/two-machines/${name}`))
    },
  )
})
