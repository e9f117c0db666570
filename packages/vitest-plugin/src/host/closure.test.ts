import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { dependencyClosure, dependencyFolders, packageFolder } from './closure.ts'

let root = ''
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'benchaway closure ')))
})
afterEach(() => rmSync(root, { recursive: true }))

function write(files: Record<string, object | string>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    writeFileSync(join(root, path), text)
  }
}
function link(from: string, to: string): void {
  mkdirSync(dirname(join(root, from)), { recursive: true })
  symlinkSync(to, join(root, from))
}
function closureOf(
  folder: string,
  known = new Set<string>(),
): { files: string[]; links: string[] } {
  const { packages, links } = dependencyClosure([join(root, folder)], known)
  const names = (paths: readonly string[]): string[] =>
    paths.map((path) => relative(root, path)).toSorted()
  return { files: names(packages.flatMap(({ files }) => files)), links: names(links) }
}

test('npm: a nested version is found before the hoisted one, and nothing is taken twice', () => {
  write({
    'node_modules/a/package.json': { name: 'a', dependencies: { b: '2', c: '1' } },
    'node_modules/a/index.js': '',
    'node_modules/a/node_modules/b/package.json': { name: 'b', version: '2.0.0' },
    'node_modules/b/package.json': { name: 'b', version: '1.0.0' },
    'node_modules/c/package.json': { name: 'c', dependencies: { b: '1', a: '1' } },
    'node_modules/unused/package.json': { name: 'unused' },
  })
  expect(closureOf('node_modules/a')).toEqual({
    files: [
      'node_modules/a/index.js',
      'node_modules/a/node_modules/b/package.json',
      'node_modules/a/package.json',
      'node_modules/b/package.json',
      'node_modules/c/package.json',
    ],
    links: [],
  })
})

test('pnpm: the links that tie packages together come along', () => {
  write({
    'node_modules/.pnpm/a@1/node_modules/a/package.json': { name: 'a', dependencies: { b: '1' } },
    'node_modules/.pnpm/b@1/node_modules/b/package.json': { name: 'b' },
  })
  link('node_modules/a', '.pnpm/a@1/node_modules/a')
  link('node_modules/.pnpm/a@1/node_modules/b', '../../b@1/node_modules/b')
  expect(closureOf('node_modules/a')).toEqual({
    files: [
      'node_modules/.pnpm/a@1/node_modules/a/package.json',
      'node_modules/.pnpm/b@1/node_modules/b/package.json',
    ],
    links: ['node_modules/.pnpm/a@1/node_modules/b', 'node_modules/a'],
  })
})

test('a package that is on the machine already is not sent again', () => {
  write({
    'node_modules/a/package.json': { name: 'a', dependencies: { b: '1' } },
    'node_modules/b/package.json': { name: 'b' },
  })
  const known = new Set<string>()
  expect(closureOf('node_modules/b', known).files).toEqual(['node_modules/b/package.json'])
  expect(closureOf('node_modules/a', known).files).toEqual(['node_modules/a/package.json'])
  expect(closureOf('node_modules/a', known).files).toEqual([])
})

test('optional and peer dependencies come when they are installed; Vitest, Vite and types never', () => {
  write({
    'node_modules/a/package.json': {
      name: 'a',
      optionalDependencies: { there: '1', absent: '1' },
      peerDependencies: { peer: '1', vitest: '5', vite: '8', '@vitest/expect': '5' },
      dependencies: { '@types/node': '1' },
    },
    'node_modules/there/package.json': {},
    'node_modules/peer/package.json': {},
    'node_modules/vitest/package.json': {},
    'node_modules/vite/package.json': {},
    'node_modules/@vitest/expect/package.json': {},
    'node_modules/@types/node/package.json': {},
  })
  expect(closureOf('node_modules/a').files).toEqual([
    'node_modules/a/package.json',
    'node_modules/peer/package.json',
    'node_modules/there/package.json',
  ])
})

test('vendored node_modules deeper in a package are its own files', () => {
  write({
    'node_modules/a/package.json': { name: 'a' },
    'node_modules/a/dist/node_modules/x/index.js': '',
    'node_modules/a/node_modules/y/index.js': '',
  })
  expect(closureOf('node_modules/a').files).toEqual([
    'node_modules/a/dist/node_modules/x/index.js',
    'node_modules/a/package.json',
  ])
})

test('a file in node_modules belongs to the package of its path, however many package.json lie between', () => {
  write({
    'package.json': { name: 'project' },
    'node_modules/@s/a/package.json': { name: '@s/a' },
    'node_modules/@s/a/hooks/package.json': { name: 'a-hooks' },
    'src/deep/file.js': '',
    'src/package.json': { type: 'module' },
  })
  expect(packageFolder(join(root, 'node_modules/@s/a/hooks/index.js'))).toBe(
    join(root, 'node_modules/@s/a'),
  )
  expect(packageFolder(join(root, 'src/deep/file.js'))).toBe(root)
})

test('the folders of a project include those of its development dependencies, but not of theirs', () => {
  write({
    'package.json': { name: 'project', devDependencies: { a: '1' } },
    'node_modules/a/package.json': {
      name: 'a',
      dependencies: { b: '1' },
      devDependencies: { c: '1' },
    },
    'node_modules/b/package.json': {},
    'node_modules/c/package.json': {},
  })
  const folders = [...dependencyFolders(root)].map((path) => relative(root, path)).toSorted()
  expect(folders).toEqual(['', 'node_modules/a', 'node_modules/b'])
})
