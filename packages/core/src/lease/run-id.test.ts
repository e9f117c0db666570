import { expect, test } from 'vitest'

import { makeRunId, timeOfRunId } from './run-id.ts'

test('a run id keeps its time to the millisecond', () => {
  expect(timeOfRunId(makeRunId(1_795_000_000_123))).toBe(1_795_000_000_123)
})

test('a later run sorts behind an earlier one', () => {
  expect(makeRunId(1_795_000_000_124) > makeRunId(1_795_000_000_123)).toBe(true)
})

test('the id that the ULID specification gives as its example has its time', () => {
  expect(timeOfRunId('01ARZ3NDEKTSV4RRFFQ69G5FAV')).toBe(1_469_922_850_259)
})

test.each([
  '',
  'x',
  '81ARZ3NDEKTSV4RRFFQ69G5FAV',
  '01ARZ3NDEKTSV4RRFFQ69G5FA',
  '01ARZ3NDEKTSV4RRFFQ69G5FAU',
])('%j is no run id', (text) => {
  expect(timeOfRunId(text)).toBeUndefined()
})

test('ten thousand ids of one millisecond differ', () => {
  expect(new Set(Array.from({ length: 10_000 }, () => makeRunId(1))).size).toBe(10_000)
})
