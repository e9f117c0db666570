import { expect, test } from 'vitest'

import { matchesWildcard } from './wildcard.ts'

test.each([
  ['', '', true],
  ['', 'a', false],
  ['*', '', true],
  ['*', 'a.b\nc', true],
  ['a*c', 'abbc', true],
  ['a*c', 'abbcd', false],
  ['*.large', 'm7i.large', true],
  ['m7i.large', 'm7iXlarge', false],
  ['a?', 'a', true],
  ['a?', 'ab', true],
  ['a?', 'abc', false],
  ['?*?', '', true],
  ['\\*', '*', true],
  ['\\*', 'a', false],
  ['\\?\\\\', '?\\', true],
  ['a\\', 'a\\', true],
  ['😀?', '😀😀', true],
  ['[a-z]+', 'b', false],
])('%j on %j is %s', (pattern, text, matches) => {
  expect(matchesWildcard(pattern, text)).toBe(matches)
})

test('a hostile pattern costs no more than its length times the text’s', () => {
  const started = performance.now()
  expect(matchesWildcard('*a'.repeat(120), 'a'.repeat(119).padStart(255, 'b'))).toBe(false)
  expect(performance.now() - started).toBeLessThan(500)
})
