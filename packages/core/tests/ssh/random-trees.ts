/** Trees as odd as they can legally be, the same ones for the same seed. */
import fs from 'node:fs'

/** From 0 up to, not including, `most`; whole. */
type Random = (most: number) => number

/** @see https://en.wikipedia.org/wiki/Xorshift */
function randomFrom(seed: number): Random {
  // Seeds that lie close together begin alike.
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1
  return (most) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % most
  }
}

const oddNames = [
  '-rf',
  '--',
  ' ',
  '~',
  '$HOME',
  '*',
  '[a]',
  '{b}',
  '\\n',
  '\\',
  'a\nb',
  "it's",
  '"',
  '%s',
  '#',
  '!',
  '.hidden',
  '...',
  'x.part',
  '\u001B[2J',
  'CON',
  'a:b',
  ';true',
  '`id`',
]

function name(random: Random): string {
  const kind = random(6)
  if (kind === 0) return `${oddNames[random(oddNames.length)]}`
  if (kind === 1)
    return Buffer.from(
      ['\u00E9', 'e\u0301', '\u65E5\u672C', '\u{1F600}', '\u202Egnp'][random(5)] ?? '',
    ).toString('latin1')
  // As long as a name may be, or of any bytes but the two that no name has.
  const length = kind === 2 ? 255 : 1 + random(kind === 3 ? 40 : 8)
  const any = kind === 3
  return Array.from({ length }, () => {
    const code = any ? 1 + random(255) : 97 + random(26)
    return String.fromCodePoint(code === 47 ? 46 : code)
  }).join('')
}

export function plantTree(folder: string, seed: number): void {
  const random = randomFrom(seed)
  const bytesOf = (at: string): Buffer => Buffer.from(at, 'latin1')
  const root = Buffer.from(folder).toString('latin1')
  const at = (inside: string): Buffer => bytesOf(inside === '' ? root : `${root}/${inside}`)
  const folders = ['']
  const files: string[] = []
  const links: string[] = []
  fs.mkdirSync(at(''))
  for (let count = 5 + random(30); count > 0; count--) {
    const parent = folders[random(folders.length)] ?? ''
    const own = name(random)
    const full = parent === '' ? own : `${parent}/${own}`
    if (own === '.' || own === '..' || full.length > 2500) continue
    if (fs.lstatSync(at(full), { throwIfNoEntry: false })) continue
    const kind = random(10)
    if (kind < 3) {
      fs.mkdirSync(at(full))
      folders.push(full)
    } else if (kind < 5) {
      fs.symlinkSync(bytesOf(target(random, parent, [...folders, ...files])), at(full))
      links.push(full)
    } else {
      plantFile(random, at(full))
      files.push(full)
    }
  }
  for (const full of [...files, ...folders.toReversed()]) {
    const isFolder = folders.includes(full)
    const seconds = random(2 ** 31) + random(64) / 64
    fs.utimesSync(at(full), seconds, seconds)
    // Who is not root can read no others.
    fs.chmodSync(at(full), random(0o1000) | (isFolder ? 0o500 : 0o400))
  }
}

function plantFile(random: Random, at: Buffer): void {
  const size = [0, 1, 511, 512, 513, 10_240, random(300_000)][random(7)] ?? 0
  fs.writeFileSync(at, Buffer.alloc(size, String.fromCodePoint(33 + random(90))))
  if (random(8) !== 0) return
  const file = fs.openSync(at, 'r+')
  const hole = 1_100_000 + random(4_000_000)
  fs.ftruncateSync(file, hole)
  if (random(2) === 0) fs.writeSync(file, 'needle', random(hole))
  fs.closeSync(file)
}

/** Up, and then down to something that is there; or to nothing. */
function target(random: Random, parent: string, all: readonly string[]): string {
  const up = parent === '' ? '' : '../'.repeat(parent.split('/').length)
  if (random(3) === 0) return `${up}nobody`
  return `${up}${all[random(all.length)] ?? ''}` || '.'
}
