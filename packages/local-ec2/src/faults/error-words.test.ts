import { expect, test } from 'vitest'

import { ApiError } from '../query/api-error.ts'
import { knownErrors, wordsOf } from './error-words.ts'

const call = { service: 'ec2', action: 'RunInstances' } as const

test('every known code has words, and the status of its kind', () => {
  const servers =
    /^(?:BandwidthLimitExceeded|Insufficient\w+Capacity|Internal\w+|RequestLimitExceeded|ServiceUnavailable|Unavailable)$/
  const answers = knownErrors.map((code) => {
    const words = wordsOf(code, call, {}) ?? ''
    return { code, words, server: new ApiError(code, words).status >= 500 }
  })
  expect(answers.filter(({ words }) => !/\w{4}/.test(words))).toEqual([])
  expect(answers.filter(({ code, server }) => server !== servers.test(code))).toEqual([])
  expect(knownErrors.length).toBeGreaterThan(50)
})

test.each([
  [
    'InvalidInstanceID.NotFound',
    { InstanceIds: ['i-1', 'i-2'] },
    "The instance ID 'i-1' does not exist",
  ],
  ['InvalidGroup.NotFound', { GroupId: 'sg-1' }, "The security group 'sg-1' does not exist"],
  [
    'Unsupported',
    { InstanceType: 'x.large', Placement: { AvailabilityZone: 'us-east-1a' } },
    'Your requested instance type (x.large) is not supported in your requested Availability Zone (us-east-1a).',
  ],
  ['AccessDenied', {}, 'User is not authorized to perform: ec2:RunInstances'],
  ['MadeUp', {}, undefined],
])('%s on %j says: %s', (code, input, words) => {
  expect(wordsOf(code, call, input)).toBe(words)
})
