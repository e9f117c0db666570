import { expect, test, vi } from 'vitest'

import { RemoteOutput } from './remote-output.ts'

function shown(write: (output: RemoteOutput) => void): { lines: string[]; output: RemoteOutput } {
  const lines: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line))
  try {
    const output = new RemoteOutput()
    write(output)
    output.end()
    return { lines, output }
  } finally {
    log.mockRestore()
  }
}

test('lines are shown whole, however the bytes come, and without what moves the cursor', () => {
  const bytes = Buffer.from('one\n\u001b[2Jtwo \u001b]0;title\u0007\u001b[31mré\u001b[0m\nend')
  const { lines } = shown((output) => {
    for (const byte of bytes) output.write(Buffer.from([byte]))
  })
  expect(lines).toEqual(['one', 'two \u001b[31mré\u001b[0m', 'end'])
})

test('a flood is cut after 1 MiB, and its last lines are kept for the error', () => {
  const { lines, output } = shown((one) => {
    for (let count = 0; count < 30_000; count++) one.write(Buffer.from(`${'x'.repeat(99)}\n`))
    one.write(Buffer.from('the reason\n'))
  })
  expect(lines.at(-1)).toBe('more than 1 MiB was printed; the rest is left out')
  expect(lines.join('\n').length).toBeLessThan(1.1 * 1024 * 1024)
  expect(output.tail.split('\n')).toHaveLength(20)
  expect(output.tail.endsWith('the reason')).toBe(true)
})

test('a line without end is shown in pieces', () => {
  const { lines } = shown((output) => {
    for (let count = 0; count < 10; count++) output.write(Buffer.from('x'.repeat(10_000)))
  })
  expect(lines.length).toBeGreaterThan(1)
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(16_384)
})
