import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { expect, test } from 'vitest'

import { IgnoreRules } from './ignore-rules.ts'

test.each([
  ['*.log', 'a.log', true],
  ['*.log', 'deep/a.log', true],
  ['/a.log', 'deep/a.log', undefined],
  ['deep/*.log', 'very/deep/a.log', undefined],
  ['**/deep/*.log', 'very/deep/a.log', true],
  ['a/**', 'a', undefined],
  ['a/**', 'a/b/c', true],
  ['a/**/c', 'a/c', true],
  ['*.log\n!a.log', 'a.log', false],
  ['!a.log\n*.log', 'a.log', true],
  ['build/', 'build', undefined],
  ['# a', '# a', undefined],
  [String.raw`\# a`, '# a', true],
  ['a  ', 'a', true],
  [String.raw`a\ `, 'a ', true],
  ['[!a-c]x', 'dx', true],
  ['[!a-c]x', 'bx', undefined],
  ['[[:digit:]]', '7', true],
  ['[]]', ']', true],
  ['[a', '[a', undefined],
  ['\u00FF?', '\u00FF\u0000', true],
])('%j about %j: %j', (text, name, expected) => {
  expect(new IgnoreRules(text).ignores(name, false)).toBe(expected)
})

test('a slash at the end is for folders only', () => {
  expect(new IgnoreRules('build/').ignores('deep/build', true)).toBe(true)
})

const hasGit = spawnSync('git', ['--version']).status === 0

test.skipIf(!hasGit)(
  `git says the same about 200 random patterns${hasGit ? '' : ' (skipped: there is no git)'}`,
  () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'benchaway-ignore-'))
    try {
      execFileSync('git', ['init', '--quiet'], { cwd: folder })
      execFileSync('git', ['config', 'core.excludesFile', '/dev/null'], { cwd: folder })
      const parts = [
        'a',
        'b',
        'c',
        '*',
        '**',
        '?',
        '/',
        '[ab]',
        '[!a]',
        '[a-c]',
        '[',
        ']',
        '.',
        '\\',
        '!',
        '#',
        ' ',
        '-',
        '[^b-]',
        '[]a]',
        '[[:alpha:]]',
        '[\\]a]',
      ]
      const any = (): string => parts[Math.floor(Math.random() * parts.length)] ?? ''
      // Each in a folder of its own.
      const patterns = Array.from({ length: 200 }, (_, at) =>
        Array.from({ length: 1 + (at % 6) }, any).join(''),
      )
      for (const [at, pattern] of patterns.entries()) {
        mkdirSync(path.join(folder, String(at), 'c/b'), { recursive: true })
        writeFileSync(path.join(folder, String(at), '.gitignore'), `${pattern}\n`)
      }
      const all = patterns.flatMap((_, at) => names.map((name) => `${at}/${name}`))
      const args = ['check-ignore', '--no-index', '-z', '--stdin']
      const { stdout } = spawnSync('git', args, { cwd: folder, input: all.join('\0') })
      const theirs = new Set(stdout.toString().split('\0'))
      const wrong = patterns.flatMap((pattern, at) => {
        const rules = new IgnoreRules(`${pattern}\n`)
        return names
          .filter((name) => isIgnored(rules, name) !== theirs.has(`${at}/${name}`))
          .map((name) => ({ pattern, name, git: theirs.has(`${at}/${name}`) }))
      })
      expect(theirs.size).toBeGreaterThan(20)
      expect(wrong).toEqual([])
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
  60_000,
)

const names = ['a', 'b', 'ab', 'a.b', 'c/a', 'c/ab', 'c/b/a', 'a b', 'c/[a]', '!a', '#a', '-']

/** Itself, or a folder that it is in. */
function isIgnored(rules: IgnoreRules, name: string): boolean {
  const words = name.split('/')
  const above = words.slice(1).map((_, at) => words.slice(0, at + 1).join('/'))
  return above.some((one) => rules.ignores(one, true)) || rules.ignores(name, false) === true
}
