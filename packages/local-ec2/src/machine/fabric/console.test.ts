import { execFileSync } from 'node:child_process'
import { constants, mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { ConsoleReader } from './console.ts'

async function makeFifo() {
  const folder = mkdtempSync(join(tmpdir(), 'local-ec2-console-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'fifo')
  execFileSync('mkfifo', [path])
  const file = await open(path, constants.O_RDWR)
  onTestFinished(() => file.close())
  return { path, write: (text: string) => file.writeFile(text) }
}

test('nothing more is handed on, and no more than 64 KiB is kept, until what was handed on is taken', async () => {
  const { path, write } = await makeFifo()
  const taken = Promise.withResolvers<void>()
  const handed: string[] = []
  const reader = new ConsoleReader(path, (text) => {
    handed.push(text)
    return taken.promise
  })
  await write('first')
  await expect.poll(() => handed).toEqual(['first'])
  // The last of it only fits once the rest was read.
  for (let count = 0; count < 20; count++) await write('x'.repeat(64 * 1024))
  await write('last'.padStart(64 * 1024, 'y'))
  expect(handed).toEqual(['first'])
  taken.resolve()
  await expect.poll(() => handed.join('')).toMatch(/last$/)
  expect(handed.map((text) => text.length)).toEqual([5, ...handed.slice(1).map(() => 64 * 1024)])
  reader.close()
})

test('what is still in the FIFO is handed on when it is closed, once', async () => {
  const { path, write } = await makeFifo()
  const handed: string[] = []
  const reader = new ConsoleReader(path, (text) => void handed.push(text))
  await write('a')
  reader.close()
  expect(handed).toEqual(['a'])
})
