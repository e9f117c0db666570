import { expect, test } from 'vitest'

import { CleanStream, cleanMessage, cleanText } from './terminal.ts'

test('colours, line breaks and tabs stay', () => {
  const text = '\u001b[1;38;5;196mred\u001b[0m\n\tplain'
  expect(cleanText(text)).toBe(text)
})

test.for([
  ['title', 'a\u001b]0;pwned\u0007b', 'ab'],
  ['clipboard ended by ST', 'a\u001b]52;c;cm0gLXJm\u001b\\b', 'ab'],
  ['cursor and erase', 'a\u001b[2J\u001b[1;1Hb', 'ab'],
  ['query that types its answer', 'a\u001b[6nb\u001b[cc', 'abc'],
  ['device control', 'a\u001bP+q544e\u001b\\b', 'ab'],
  ['charset and reset', 'a\u001b(0b\u001bcc', 'abc'],
  ['carriage return and backspace', 'safe\r\b\bevil', 'safeevil'],
  ['bell, null and delete', 'a\u0007\u0000\u007fb', 'ab'],
  ['8-bit CSI', 'a\u009b2Jb', 'a2Jb'],
  ['an escape that leads nowhere', 'a\u001b', 'a'],
  ['a title that never ends', 'a\u001b]0;pwned', 'a]0;pwned'],
])('%s is removed', ([, text, rest]) => {
  expect(cleanText(text ?? '')).toBe(rest)
})

test('no cut of a stream lets a sequence through, tears a colour or loses text', () => {
  const text = Buffer.from('ä\u001b[31mred\u001b[0m\u001b]0;title\u0007\u001b[2Jend\n€')
  for (let first = 0; first <= text.length; first++) {
    for (let second = first; second <= text.length; second++) {
      const stream = new CleanStream()
      const out =
        stream.write(text.subarray(0, first)) +
        stream.write(text.subarray(first, second)) +
        stream.write(text.subarray(second)) +
        stream.end()
      expect(out).toBe('ä\u001b[31mred\u001b[0mend\n€')
    }
  }
})

test('an endless title does not hold back the rest of a stream for ever', () => {
  const stream = new CleanStream()
  const out = stream.write(Buffer.from(`\u001b]0;${'x'.repeat(5000)}`))
  expect(out).toHaveLength(5003)
})

test('every string of a cyclic message is cleaned, also in errors, maps, sets and names', () => {
  const bad = 'a\u001b[2Jb'
  const error = Object.assign(new Error(bad), { diff: bad })
  const task: Record<string, unknown> = { name: bad, result: { errors: [error] }, [bad]: 1 }
  task['file'] = task
  task['map'] = new Map([[bad, new Set([bad])]])
  const cleaned = cleanMessage(task)
  expect(cleaned).toBe(task)
  expect(task['name']).toBe('ab')
  expect(task['ab']).toBe(1)
  expect(Object.keys(task)).not.toContain(bad)
  expect(error.message).toBe('ab')
  expect(error.stack).not.toContain('\u001b')
  expect(error.diff).toBe('ab')
  expect(task['map']).toEqual(new Map([['ab', new Set(['ab'])]]))
})

test('a sequence that never ends is not held back for ever, nor does it get through', () => {
  const stream = new CleanStream()
  expect(stream.write(Buffer.from(`\u001b[${'1;'.repeat(1000)}`))).toHaveLength(2001)
  expect(cleanText(`\u001b[${'1;'.repeat(1000)}H`)).not.toContain('\u001b')
})

test('a million numbers cost little, and a list that is mostly holes no more', () => {
  const holes: unknown[] = ['\u001b[2Ja']
  holes.length = 2 ** 32 - 1
  const started = performance.now()
  expect(cleanMessage([holes, Array.from({ length: 1_000_000 }, () => 1)])).toHaveLength(2)
  expect(holes[0]).toBe('a')
  expect(performance.now() - started).toBeLessThan(500)
})
