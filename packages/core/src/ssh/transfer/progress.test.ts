import { expect, test } from 'vitest'

import { progressBar, type TransferProgress } from './progress.ts'

/** What a terminal of that width, or something else, is given. */
function watch(
  isTTY: boolean,
  columns = 80,
): { written: string[]; bar: (p: TransferProgress) => void } {
  const written: string[] = []
  const write = (text: string): boolean => written.push(text) > 0
  return { written, bar: progressBar({ isTTY, columns, write }) }
}

const begin = { bytes: 0, totalBytes: 2 ** 20, files: 0, totalFiles: 2, path: undefined }
const half = { ...begin, bytes: 2 ** 19, files: 1, path: 'src/a.ts' }
const end = { ...begin, bytes: 2 ** 20, files: 2 }

test('a bar is one line that is cleared at the end', () => {
  const { written, bar } = watch(true)
  bar(begin)
  bar(end)
  expect(written).toEqual([
    '\r\u001B[K[                    ] 0 B of 1.0 MiB, 0 of 2 files',
    '\r\u001B[K',
  ])
})

test('a bar tells share, files, rate, rest and name', async () => {
  const { written, bar } = watch(true, 200)
  bar(begin)
  // Long enough to be drawn again.
  await expect.poll(() => (bar(half), written.length), { interval: 20 }).toBe(2)
  expect(written[1]?.slice('\r\u001B[K'.length)).toMatch(
    /^\[##########          \] 512\.0 KiB of 1\.0 MiB, 1 of 2 files, [\d.]+ [KM]iB\/s, 0:01 left  src\/a\.ts$/,
  )
})

test('a bar is not drawn more often than ten times a second', () => {
  const { written, bar } = watch(true)
  bar(begin)
  const until = performance.now() + 250
  while (performance.now() < until) bar(half)
  expect(written.length).toBeLessThanOrEqual(4)
})

test('a bar never wraps, and no name can steer the terminal', async () => {
  const { written, bar } = watch(true, 60)
  bar(begin)
  const path = `\u001B[2J\n${'x'.repeat(500)}`
  await expect.poll(() => (bar({ ...half, path }), written.length), { interval: 20 }).toBe(2)
  const line = written[1]?.slice('\r\u001B[K'.length) ?? ''
  expect(line.length).toBe(59)
  expect(line).toMatch(/^[\u0020-\u007E]+$/)
})

test('what is no terminal is left alone', () => {
  const { written, bar } = watch(false)
  bar(begin)
  bar(end)
  expect(written).toEqual([])
})
