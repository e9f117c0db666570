import { describe, expect, test } from 'vitest'

import type { Call } from '../query/service.ts'
import type { Calls, Nth } from './fault.ts'
import { callMatcher, launchMatcher } from './matching.ts'

const credential = {
  accessKeyId: 'KEY',
  secretAccessKey: 'x',
  principal: {
    type: 'User',
    arn: 'arn:aws:iam::000000000000:user/local',
    userId: 'AIDA',
    principalArn: 'arn:aws:iam::000000000000:user/local',
    userName: 'local',
    tags: new Map(),
    policies: undefined,
  },
  session: undefined,
  expires: Infinity,
} as const

function call(action: string, service = 'ec2'): Call {
  return { service, action, credential, time: 0, sourceIp: '127.0.0.1', userAgent: undefined }
}

/** Which of so many equal calls are struck, the first being 1. */
function struck(calls: Calls, count: number, action = 'RunInstances'): number[] {
  const matches = callMatcher(calls)
  const numbers = Array.from({ length: count }, (_, index) => index + 1)
  return numbers.filter(() => matches(call(action), {}))
}

test.each<[Nth | undefined, number[]]>([
  [undefined, [1, 2, 3, 4, 5]],
  [2, [2]],
  [
    [1, 4],
    [1, 4],
  ],
  [{ from: 3 }, [3, 4, 5]],
  [{ from: 2, to: 3 }, [2, 3]],
])('nth %j strikes the calls %j of five', (nth, numbers) => {
  expect(struck({ ...(nth !== undefined && { nth }) }, 5)).toEqual(numbers)
})

test('every action is counted by itself', () => {
  const matches = callMatcher({ action: ['RunInstances', 'StopInstances'], nth: 2 })
  const asked = ['RunInstances', 'StopInstances', 'RunInstances', 'StopInstances']
  expect(asked.map((action) => matches(call(action), {}))).toEqual([false, false, true, true])
})

test('a call that another condition rules out is not counted', () => {
  const matches = callMatcher({ nth: 1, input: { InstanceType: 'c7i.large' } })
  expect(matches(call('RunInstances'), { InstanceType: 'm7i.large' })).toBe(false)
  expect(matches(call('RunInstances'), { InstanceType: 'c7i.large' })).toBe(true)
})

test.each<[string | string[], string, string, boolean]>([
  ['*', 'RunInstances', 'ec2', true],
  ['Describe*', 'DescribeVpcs', 'ec2', true],
  ['Describe*', 'RunInstances', 'ec2', false],
  ['ec2:*', 'DescribeVpcs', 'ec2', true],
  ['ec2:*', 'GetCallerIdentity', 'sts', false],
  ['sts:Get*', 'GetCallerIdentity', 'sts', true],
  [['RunInstances', 'StopInstances'], 'StopInstances', 'ec2', true],
])('%j on %s of %s is %s', (action, name, service, matches) => {
  expect(callMatcher({ action })(call(name, service), {})).toBe(matches)
})

test('only calls of one key are struck, where one is named', () => {
  expect(callMatcher({ accessKeyId: 'KEY' })(call('RunInstances'), {})).toBe(true)
  expect(callMatcher({ accessKeyId: 'OTHER' })(call('RunInstances'), {})).toBe(false)
})

describe('input', () => {
  const input = {
    InstanceType: 'm7i.large',
    MaxCount: 2,
    DryRun: false,
    Placement: { AvailabilityZone: 'us-east-1a' },
    SecurityGroupIds: ['sg-1', 'sg-2'],
    TagSpecifications: [{ ResourceType: 'volume' }, { ResourceType: 'instance', Tags: [] }],
  }

  test.each<[Record<string, unknown>, boolean]>([
    [{}, true],
    [{ InstanceType: 'm7i.*' }, true],
    [{ InstanceType: 'm6i.*' }, false],
    [{ MaxCount: 2, DryRun: false }, true],
    [{ MaxCount: '2' }, false],
    [{ Placement: { AvailabilityZone: '*a' } }, true],
    [{ Placement: { AvailabilityZone: '*b' } }, false],
    [{ SecurityGroupIds: ['sg-2'] }, true],
    [{ SecurityGroupIds: ['sg-2', 'sg-3'] }, false],
    [{ TagSpecifications: [{ ResourceType: 'instance' }] }, true],
    [{ TagSpecifications: [{ ResourceType: 'network-interface' }] }, false],
    [{ SubnetId: '*' }, false],
  ])('%j is %s', (wanted, matches) => {
    expect(callMatcher({ input: wanted })(call('RunInstances'), input)).toBe(matches)
  })
})

test('a probability strikes about that part of the calls, the same ones in every run', () => {
  const first = struck({ probability: 0.25 }, 4000)
  expect(first.length).toBeGreaterThan(900)
  expect(first.length).toBeLessThan(1100)
  expect(struck({ probability: 0.25 }, 4000)).toEqual(first)
  expect(struck({ probability: 0.25, seed: 2 }, 4000)).not.toEqual(first)
  expect(struck({ probability: 0 }, 100)).toEqual([])
  expect(struck({ probability: 1 }, 3)).toEqual([1, 2, 3])
})

test('launches are counted among those of the type', () => {
  const matches = launchMatcher({ launch: 2, instanceType: 'c7i.*' })
  const types = ['c7i.large', 'm7i.large', 'c7i.xlarge', 'c7i.large']
  expect(types.map((type) => matches(type))).toEqual([false, false, true, false])
})
