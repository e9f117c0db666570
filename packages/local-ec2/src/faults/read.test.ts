import { describe, expect, test } from 'vitest'

import { LocalEc2Error } from '../errors.ts'
import type { Fault } from './fault.ts'
import { readFaults } from './read.ts'

const every: Fault[] = [
  { drop: 'before-commit' },
  { drop: 'after-commit', action: 'RunInstances', nth: 1 },
  { delayMs: 200, action: ['Describe*', 'sts:*'], nth: [1, 3] },
  { delayMs: 200, delay: 'after-commit', nth: { from: 2 } },
  { error: 'InternalError', probability: 0.5, seed: 7 },
  { error: 'MadeUp.Code', message: 'It is made up', status: 418, afterMs: 100 },
  { throttle: 'documented', accessKeyId: 'KEY' },
  { throttle: { burst: 2, perSecond: 0.5 }, action: 'ec2:RunInstances' },
  { visibilityLagMs: 1000, of: ['instance', 'volume'] },
  { visibilityLagMs: 1000, of: 'security-group', input: { GroupName: 'web-*' } },
  { tagLagMs: 1000, action: 'CreateTags' },
  { pageSize: 1 },
  { noCapacity: 'everywhere', action: 'RunInstances', input: { MaxCount: 2 } },
  { noCapacity: { zones: ['us-east-1a'], instanceTypes: ['c7i.*'] } },
  { credentials: 'expired', nth: { from: 10, to: 12 } },
  { clockSkewMs: -3_600_000 },
  { machine: 'never-boots', launch: 2 },
  { machine: 'boots-slowly', bootDelayMs: 5000, instanceType: 'm7i.*' },
  { machine: 'wrong-host-key' },
  { machine: 'sshd-stops', afterMs: 500 },
  { machine: 'freezes' },
  { machine: 'loses-network', launch: { from: 3 } },
  { machine: 'disk-full', launch: [1, 2] },
  { machine: 'is-interrupted', noticeMs: 0, behavior: 'stop', afterMs: 1000 },
]

test('every kind of fault is read as it was written', () => {
  expect(readFaults(JSON.stringify(every))).toEqual(every)
})

/** Message and hint. */
function refusal(json: string): [string, string | undefined] {
  try {
    readFaults(json)
  } catch (error) {
    if (!(error instanceof LocalEc2Error) || error.code !== 'FAULT_INVALID') throw error
    return [error.message, error.hint]
  }
  throw new Error('it was taken')
}

const kinds =
  'drop, delayMs, error, throttle, visibilityLagMs, tagLagMs, pageSize, noCapacity, credentials, clockSkewMs, machine'

describe('what could not strike is refused by its path', () => {
  test.each<[unknown, string, string | undefined]>([
    [{}, '$ must be a list of faults, not an object', undefined],
    [['drop'], "$[0] must be an object, not 'drop'", undefined],
    [[{}], '$[0] does not say what goes wrong', `Give it one of ${kinds}.`],
    [
      [{ drop: 'before-commit' }, { eror: 'InternalError' }],
      '$[1].eror is no member that a fault can have there: eror',
      'Did you mean error?',
    ],
    [
      [{ drop: 'before-commit', nht: 1 }],
      '$[0].nht is no member that a fault can have there: nht',
      'Did you mean nth?',
    ],
    [[{ drop: 'x', error: 'y' }], '$[0] has both drop and error', 'Make two faults of it.'],
    [
      [{ drop: 'afer-commit' }],
      '$[0].drop is no word for that: afer-commit',
      'Did you mean after-commit?',
    ],
    [[{ drop: true }], '$[0].drop must be one of before-commit, after-commit, not true', undefined],
    [
      [{ drop: 'before-commit', action: 'DescribeInstnaces' }],
      '$[0].action is no action of this endpoint: DescribeInstnaces',
      'Did you mean DescribeInstances?',
    ],
    [
      [{ drop: 'before-commit', action: ['RunInstances', 'ec2:RunInstance'] }],
      '$[0].action[1] is no action of this endpoint: ec2:RunInstance',
      'Did you mean ec2:RunInstances?',
    ],
    [
      [{ drop: 'before-commit', action: 'CreateTransitGateway' }],
      '$[0].action is no action of this endpoint: CreateTransitGateway',
      undefined,
    ],
    [
      [{ drop: 'before-commit', action: [] }],
      '$[0].action is an empty list, which strikes nothing',
      undefined,
    ],
    [
      [{ drop: 'before-commit', nth: 0 }],
      '$[0].nth must be a whole number from 1 to 4294967296, not 0',
      undefined,
    ],
    [
      [{ drop: 'before-commit', nth: [1, 1.5] }],
      '$[0].nth[1] must be a whole number from 1 to 4294967296, not 1.5',
      undefined,
    ],
    [
      [{ drop: 'before-commit', nth: { form: 2 } }],
      '$[0].nth.form is no member that a fault can have there: form',
      'Did you mean from?',
    ],
    [[{ drop: 'before-commit', nth: { to: 2 } }], '$[0].nth lacks the member from', undefined],
    [
      [{ drop: 'before-commit', nth: { from: 3, to: 2 } }],
      '$[0].nth.to is below from, which is never',
      undefined,
    ],
    [
      [{ drop: 'before-commit', probability: 2 }],
      '$[0].probability must be a number from 0 to 1, not 2',
      undefined,
    ],
    [[{ delayMs: '1' }], "$[0].delayMs must be a number from 0 to 2147483647, not '1'", undefined],
    [
      [{ error: 'RequestLimitExceded' }],
      '$[0].error is no error code known here: RequestLimitExceded',
      'Did you mean RequestLimitExceeded? Give it a message if it is meant.',
    ],
    [
      [{ error: 'InternalError', status: 200 }],
      '$[0].status must be a whole number from 400 to 599, not 200',
      undefined,
    ],
    [[{ throttle: { burst: 1 } }], '$[0].throttle lacks the member perSecond', undefined],
    [
      [{ throttle: 'documentd' }],
      '$[0].throttle is no word for that: documentd',
      'Did you mean documented?',
    ],
    [
      [{ visibilityLagMs: 1, of: 'instances' }],
      '$[0].of is no word for that: instances',
      'Did you mean instance?',
    ],
    [
      [{ pageSize: 5, action: 'TerminateInstances' }],
      '$[0].action has no action that answers in pages',
      undefined,
    ],
    [
      [{ noCapacity: { zones: ['us-east-1z'] } }],
      '$[0].noCapacity.zones[0] is no word for that: us-east-1z',
      'Did you mean us-east-1a?',
    ],
    [
      [{ error: 'InternalError', action: 'RunInstances', input: { InstanceTyp: 'x' } }],
      '$[0].input.InstanceTyp is no parameter of these actions: InstanceTyp',
      'Did you mean InstanceType?',
    ],
    [
      [{ clockSkewMs: 1, nth: 1 }],
      '$[0].nth is no member that a fault can have there: nth',
      'There are: clockSkewMs.',
    ],
    [[{ machine: 'freeze' }], '$[0].machine is no word for that: freeze', 'Did you mean freezes?'],
    [[{ machine: 'boots-slowly' }], '$[0] lacks the member bootDelayMs', undefined],
    [
      [{ machine: 'never-boots', afterMs: 1 }],
      '$[0].afterMs is no member that a fault can have there: afterMs',
      'There are: machine, launch, instanceType.',
    ],
  ])('%j', (faults, message, hint) => {
    expect(refusal(JSON.stringify(faults))).toEqual([message, hint])
  })

  test('text that is no JSON', () => {
    expect(refusal('[{]')[0]).toMatch(/^\$ is not JSON: Expected property name.* position 2/)
  })
})
