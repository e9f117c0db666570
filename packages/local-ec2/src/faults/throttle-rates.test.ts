import { expect, test } from 'vitest'

import { knownActions } from './actions.ts'
import { requestRate, resourceRate, uncategorized } from './throttle-rates.ts'

test('every action with a rate of its own is one of this endpoint', () => {
  const names = knownActions().map(({ name }) => name)
  expect(Object.keys(uncategorized).filter((name) => !names.includes(name))).toEqual([])
})

test.each([
  ['DescribeInstances', true, 100, 20],
  ['DescribeInstances', false, 50, 10],
  ['DescribeInstanceTypes', false, 100, 20],
  ['GetConsoleOutput', false, 100, 20],
  ['CreateSecurityGroup', false, 50, 5],
  ['AuthorizeSecurityGroupIngress', false, 50, 5],
  ['StopInstances', false, 50, 5],
  ['RunInstances', false, 5, 2],
  ['TerminateInstances', false, 100, 5],
  ['CreateTags', false, 100, 10],
])(
  '%s (narrow: %s) has a bucket of %d, refilled with %d a second',
  (name, narrow, burst, perSecond) => {
    expect(requestRate(name, narrow).rate).toEqual({ burst, perSecond })
  },
)

test('instances are counted where AWS counts them', () => {
  expect(resourceRate('RunInstances')).toEqual({ burst: 1000, perSecond: 2 })
  expect(resourceRate('TerminateInstances')).toEqual({ burst: 1000, perSecond: 20 })
  expect(resourceRate('RebootInstances')).toBeUndefined()
})
