/** What is carried, in memory: a disk would be measured as well. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'

import type { Content } from './rows.ts'

/** In MiB. */
const sizes = { file512: 512, file64: 64 }

const memory = '/dev/shm'
/** Of the largest row: the file, its copy, and one that is being made. */
const neededBytes = 3 * 2 ** 29

const treeFiles = 10_000
const treeBytes = 61_000_000

export interface Contents extends Disposable {
  /** In memory. */
  readonly folder: string
  /** Makes it the first time. */
  pathOf(content: Content | undefined): string
  bytesOf(content: Content | undefined): number | undefined
}

export function makeContents(): Contents {
  const { bavail, bsize } = statfsSync(memory)
  if (bavail * bsize < neededBytes) {
    throw new Error(`${memory} has less than ${neededBytes >> 20} MiB left`)
  }
  const folder = mkdtempSync(path.join(memory, 'benchaway-ssh-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  // Of a failure that nobody caught as well.
  process.once('exit', remove)
  return {
    folder,
    pathOf(content) {
      if (content === undefined) return ''
      const made = path.join(folder, content)
      if (existsSync(made)) return made
      if (content === 'tree') writeTree(made)
      else writeFile(made, sizes[content])
      return made
    },
    bytesOf(content) {
      if (content === undefined) return undefined
      return content === 'tree' ? treeBytes : sizes[content] << 20
    },
    [Symbol.dispose]() {
      process.off('exit', remove)
      remove()
    },
  }
}

/** Bytes that nobody can make smaller. */
function writeFile(file: string, mebibytes: number): void {
  const part = 64
  for (let at = 0; at < mebibytes; at += part) appendFileSync(file, randomBytes(part << 20))
}

/**
 * 10,000 files of 61 MB in a hundred folders, as a project has them: text, most of it short and some of it long
 * (log-normal, half of them below a third of the mean). The same in every run.
 */
function writeTree(folder: string): void {
  const draw = random(1)
  const weights = Array.from({ length: treeFiles }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw())
    return Math.exp(1.48 * normal)
  })
  const scale = treeBytes / weights.reduce((sum, weight) => sum + weight, 0)
  const text = ourText()
  for (const [index, weight] of weights.entries()) {
    const at = path.join(folder, `part-${index % 10}`, `group-${Math.floor(index / 10) % 10}`)
    if (index < 100) mkdirSync(at, { recursive: true })
    const bytes = Math.round(weight * scale)
    const from = Math.floor(draw() * Math.max(text.length - bytes, 0))
    writeFileSync(path.join(at, `file-${index}.ts`), text.subarray(from, from + bytes))
  }
}

/** @throws when something is missing, or `isThorough` and something is different */
export function compare(from: string, to: string, isThorough: boolean): void {
  if (isThorough) {
    execFileSync('diff', ['--recursive', '--brief', from, to], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    return
  }
  const [wanted, got] = [from, to].map((each) => shape(each))
  if (wanted !== got) throw new Error(`${to} has ${got} instead of ${wanted}`)
}

function shape(file: string): string {
  const stat = statSync(file)
  return stat.isDirectory()
    ? `${readdirSync(file, { recursive: true }).length} entries`
    : `${stat.size} bytes`
}

/** Source of this repository, and of what it uses when that is not enough. */
function ourText(): Buffer {
  const root = path.join(import.meta.dirname, '..', '..', '..')
  const files = globSync('packages/*/src/**/*.ts', { cwd: root }).toSorted()
  const once = Buffer.concat(files.map((file) => readFileSync(path.join(root, file))))
  // The longest file is some hundred times the mean.
  return Buffer.concat(Array.from({ length: Math.ceil(2e6 / once.length) }, () => once))
}

/** Mulberry32: the same numbers in every run. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
