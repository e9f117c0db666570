import { expect, test } from 'vitest'

import { literalOf, wildcard } from './wildcard.ts'

test.each([
  ['', '', true],
  ['', 'a', false],
  ['*', '', true],
  ['*', 'a.b\nc', true],
  ['a*c', 'abbc', true],
  ['a*c', 'abbcd', false],
  ['web-*', 'web-', true],
  ['web-*', 'we', false],
  ['*.large', 'm7i.large', true],
  ['m7i.large', 'm7iXlarge', false],
  ['a?', 'a', true],
  ['a?', 'ab', true],
  ['a?', 'abc', false],
  ['database????', 'database', true],
  ['database????', 'database1234', true],
  ['database????', 'database12345', false],
  ['?*?', '', true],
  ['\\*', '*', true],
  ['\\*', 'a', false],
  ['\\*amazon\\?\\\\', '*amazon?\\', true],
  ['\\a', 'a', true],
  ['a\\', 'a\\', true],
  ['😀?', '😀😀', true],
  ['[a-z]+', 'b', false],
])('%j on %j is %s', (pattern, text, matches) => {
  expect(wildcard(pattern)(text)).toBe(matches)
})

test.each([
  ['web-1', 'web-1'],
  ['a\\*b', 'a*b'],
  ['', ''],
  ['a*', undefined],
  ['a?', undefined],
])('%j can only be %j', (pattern, literal) => {
  expect(literalOf(pattern)).toBe(literal)
})

test('a hostile pattern costs no more than its length times the text’s', () => {
  const started = performance.now()
  expect(wildcard('*a'.repeat(120))('a'.repeat(119).padStart(255, 'b'))).toBe(false)
  expect(performance.now() - started).toBeLessThan(500)
})
