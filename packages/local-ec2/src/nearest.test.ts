import { expect, test } from 'vitest'

import { nearest } from './nearest.ts'

const words = ['error', 'drop', 'delayMs', 'DescribeInstances', 'DescribeImages', 'RunInstances']

test.each([
  ['eror', 'error'],
  ['delayms', 'delayMs'],
  ['dorp', 'drop'],
  ['DescribeInstance', 'DescribeInstances'],
  ['RunInstance', 'RunInstances'],
  ['pageSize', undefined],
  ['', undefined],
])('%j was meant to be %j', (wrong, right) => {
  expect(nearest(wrong, words)).toBe(right)
})
