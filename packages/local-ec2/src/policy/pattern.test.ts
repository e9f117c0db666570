import { expect, test } from 'vitest'

import { type Keys, matches, parsePattern } from './pattern.ts'

const anyVariable = (): void => {}
const noKeys: Keys = new Map()

function wildcard(pattern: string, text: string, keys = noKeys): boolean {
  const parsed = parsePattern(pattern, '', { wildcards: true, checkVariable: anyVariable })
  return matches(parsed, text, keys)
}

test.each([
  ['', '', true],
  ['*', '', true],
  ['*', 'a:b/c', true],
  ['a*', 'a', true],
  ['a?', 'a', false],
  ['a?', 'ab', true],
  ['?', '😀', true],
  ['*b*d', 'abcbd', true],
  ['*b*d', 'abcbde', false],
  ['a.c', 'abc', false],
  ['\\*', '\\x', true],
])('%j on %j is %s', (pattern, text, expected) => {
  expect(wildcard(pattern, text)).toBe(expected)
})

test('a hostile pattern costs no more than its length times the text’s', () => {
  const started = performance.now()
  expect(wildcard('*a'.repeat(1000), 'a'.repeat(999).padStart(5000, 'b'))).toBe(false)
  expect(performance.now() - started).toBeLessThan(500)
})

test.each([
  ['user/${aws:username}', 'user/me', true],
  ['user/${aws:UserName}', 'user/me', true],
  ['user/${aws:username}', 'user/you', false],
  ['${aws:username}*', 'me-too', true],
  ["${aws:PrincipalTag/team, 'none'}", 'none', true],
  ['${aws:PrincipalTag/team}', '', false],
  ['${*}', '*', true],
  ['${*}', 'a', false],
  ['${?}${$}', '?$', true],
  ['$${aws:username}', '$me', true],
  ['cost $5', 'cost $5', true],
])('%j stands for %j: %s', (pattern, text, expected) => {
  expect(wildcard(pattern, text, new Map([['aws:username', ['me']]]))).toBe(expected)
})

test('a wildcard in what a variable stands for is none', () => {
  const keys = new Map([['aws:username', ['*']]])
  expect(wildcard('${aws:username}', '*', keys)).toBe(true)
  expect(wildcard('${aws:username}', 'anything', keys)).toBe(false)
})

test('a variable with several values matches nothing', () => {
  expect(wildcard('${aws:TagKeys}', 'a', new Map([['aws:tagkeys', ['a', 'b']]]))).toBe(false)
})

test('without wildcards, and in documents without variables, everything is text', () => {
  const parsed = parsePattern('*?${aws:username}', '', {
    wildcards: false,
    checkVariable: undefined,
  })
  expect(matches(parsed, '*?${aws:username}', noKeys)).toBe(true)
})
