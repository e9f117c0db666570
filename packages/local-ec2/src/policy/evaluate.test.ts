import { expect, test } from 'vitest'

import { parsePolicies } from './document.ts'
import { evaluate, mightAllow } from './evaluate.ts'

const instance = 'arn:aws:ec2:us-east-1:000000000000:instance/i-1'
const image = 'arn:aws:ec2:us-east-1::image/ami-1'
const keys = new Map([['aws:username', ['me']]])

type Line = Record<string, unknown>

function ask(statements: Line[], action: string, resource: string): string {
  const policies = parsePolicies({
    Version: '2012-10-17',
    Statement: statements.map((line) => ({ Effect: 'Allow', Resource: '*', ...line })),
  })
  return evaluate(policies, { action, resource, keys }).is
}

test('what no statement speaks of is not allowed', () => {
  expect(ask([{ Action: 'ec2:StopInstances' }], 'ec2:TerminateInstances', instance)).toBe('neither')
})

test('a denial wins, wherever it stands', () => {
  const statements = [{ Action: 'ec2:*' }, { Action: '*', Effect: 'Deny' }, { Action: 'ec2:*' }]
  expect(ask(statements, 'ec2:TerminateInstances', instance)).toBe('denied')
})

test('a denial in another document wins too', () => {
  const everything = { Action: '*', Resource: '*' }
  const policies = parsePolicies([
    { Statement: { Effect: 'Allow', ...everything } },
    { Statement: { Effect: 'Deny', ...everything } },
  ])
  expect(evaluate(policies, { action: 'ec2:RunInstances', resource: '*', keys }).is).toBe('denied')
})

test.each([
  ['*', true],
  ['ec2:*', true],
  ['EC2:terminateinstances', true],
  ['ec2:Terminate*', true],
  ['ec2:?erminateInstances', true],
  ['e*:Term*', true],
  ['ec2:Terminate', false],
  ['sts:*', false],
  ['ec2:*Instance', false],
])('the action %s covers ec2:TerminateInstances: %s', (pattern, covers) => {
  const statements = [{ Action: ['ec2:StopInstances', pattern] }]
  expect(ask(statements, 'ec2:TerminateInstances', instance)).toBe(covers ? 'allowed' : 'neither')
})

test('NotAction covers what is not in its list', () => {
  const statements = [{ NotAction: ['ec2:Terminate*', 'sts:*'] }]
  expect(ask(statements, 'ec2:RunInstances', instance)).toBe('allowed')
  expect(ask(statements, 'ec2:TerminateInstances', instance)).toBe('neither')
})

test.each([
  ['*', instance, true],
  ['*', '*', true],
  ['arn:aws:ec2:us-east-1:000000000000:instance/i-1', instance, true],
  ['arn:aws:ec2:*:*:instance/*', instance, true],
  ['arn:aws:ec2:*:*:*/*', instance, true],
  ['arn:aws:ec2:*', instance, true],
  ['arn:aws:ec2:us-east-1:*', instance, true],
  ['arn:aws:ec2:us-east-?:0000*:inst*', instance, true],
  ['arn:aws:ec2:us-east-1:000000000000:volume/*', instance, false],
  ['arn:aws:ec2:eu-*:*:instance/*', instance, false],
  ['arn:aws:ec2:us-east-1::instance/*', instance, false],
  // An asterisk stays within its part of an ARN, unless it ends it.
  ['arn:*', instance, true],
  ['arn:aws:ec2:*:instance/*', instance, true],
  ['arn:aws:ec2:us-*:instance/i-1', instance, true],
  ['arn:aws:ec2:*:volume/*', instance, false],
  ['arn:aws:ec2:us*1:instance/*:*', instance, false],
  ['arn:aws:ec2:*:instance/i-1:*', instance, false],
  ['arn:aws:ec2:us-east-1::image/*', image, true],
  ['arn:aws:ec2:us-east-1:*:image/*', image, true],
  ['arn:aws:ec2:us-east-1:000000000000:image/*', image, false],
  ['arn:aws:ec2:*:*:*', '*', false],
])('the resource %s covers %s: %s', (pattern, resource, covers) => {
  const statements = [{ Action: '*', Resource: pattern }]
  expect(ask(statements, 'ec2:RunInstances', resource)).toBe(covers ? 'allowed' : 'neither')
})

test('NotResource covers what is not in its list, and an action about nothing in particular', () => {
  const statements = [{ Action: '*', Resource: undefined, NotResource: 'arn:aws:ec2:*:*:volume/*' }]
  const volume = instance.replace('instance/i-1', 'volume/vol-1')
  expect(ask(statements, 'ec2:RunInstances', instance)).toBe('allowed')
  expect(ask(statements, 'ec2:RunInstances', volume)).toBe('neither')
  expect(ask(statements, 'ec2:DescribeInstances', '*')).toBe('allowed')
})

test('a resource may be named after its user', () => {
  const statements = [{ Action: '*', Resource: 'arn:aws:ec2:*:*:key-pair/${aws:username}-*' }]
  const pair = (name: string): string => instance.replace('instance/i-1', `key-pair/${name}`)
  expect(ask(statements, 'ec2:CreateKeyPair', pair('me-1'))).toBe('allowed')
  expect(ask(statements, 'ec2:CreateKeyPair', pair('you-1'))).toBe('neither')
})

test('all conditions of a statement must hold', () => {
  const both = (name: string): Line => ({
    Action: '*',
    Condition: {
      StringEquals: { 'aws:username': name },
      Null: { 'aws:username': 'false', 'aws:PrincipalTag/team': 'true' },
    },
  })
  expect(ask([both('me')], 'ec2:RunInstances', instance)).toBe('allowed')
  expect(ask([both('you')], 'ec2:RunInstances', instance)).toBe('neither')
})

test('an action may be allowed on something as soon as a statement allows it on anything', () => {
  const policies = parsePolicies({
    Statement: [
      { Effect: 'Allow', Action: 'ec2:Stop*', Resource: 'arn:aws:ec2:eu-west-1:*' },
      { Effect: 'Deny', Action: '*', Resource: '*' },
    ],
  })
  expect(mightAllow(policies, 'ec2:StopInstances')).toBe(true)
  expect(mightAllow(policies, 'ec2:StartInstances')).toBe(false)
})
