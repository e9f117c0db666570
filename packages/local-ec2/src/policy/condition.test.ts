import { expect, test } from 'vitest'

import { compileCondition } from './condition.ts'

function holds(operator: string, wanted: string[], actual: string[] | undefined): boolean {
  const condition = compileCondition({
    operator,
    key: 'aws:Some/Key',
    wanted,
    place: 'here',
    strict: false,
    checkVariable: () => {},
  })
  return condition.holds(new Map(actual && [['aws:some/key', actual]]))
}

const vpc = 'arn:aws:ec2:us-east-1:000000000000:vpc/vpc-1'

test.each([
  ['StringEquals', ['a', 'b'], 'b', true],
  ['StringEquals', ['a'], 'A', false],
  ['StringEquals', ['a*'], 'ab', false],
  ['StringNotEquals', ['a', 'b'], 'b', false],
  ['StringNotEquals', ['a', 'b'], 'c', true],
  ['StringEqualsIgnoreCase', ['aB'], 'Ab', true],
  ['StringNotEqualsIgnoreCase', ['aB'], 'Ab', false],
  ['StringLike', ['a*', '?'], 'abc', true],
  ['StringLike', ['a*'], 'ba', false],
  ['StringNotLike', ['a*'], 'ba', true],
  ['NumericEquals', ['8.0'], '8', true],
  ['NumericNotEquals', ['8'], '8.0', false],
  ['NumericLessThan', ['10'], '9', true],
  ['NumericLessThan', ['10'], '10', false],
  ['NumericLessThanEquals', ['10'], '10', true],
  ['NumericGreaterThan', ['9'], '10', true],
  ['NumericGreaterThan', ['9'], 'many', false],
  ['NumericGreaterThanEquals', ['-1e2'], '-100', true],
  ['DateEquals', ['2026-01-01T00:00:00Z'], '1767225600', true],
  ['DateNotEquals', ['2026-01-01'], '2026-01-01T00:00:00Z', false],
  ['DateLessThan', ['2026-01-01T02:00:00+01:00'], '2026-01-01T00:59:59Z', true],
  ['DateLessThanEquals', ['2026-01-01T02:00:00+0100'], '2026-01-01T01:00:00Z', true],
  ['DateGreaterThan', ['2026-01'], '2026-01-01T00:00:00Z', false],
  ['DateGreaterThanEquals', ['2026-01'], '2026-01-01T00:00:00Z', true],
  ['Bool', ['true'], 'true', true],
  ['Bool', ['false'], 'true', false],
  ['IpAddress', ['10.0.0.0/8', '127.0.0.1'], '127.0.0.1', true],
  ['IpAddress', ['127.0.0.0/31'], '127.0.0.2', false],
  ['IpAddress', ['2001:db8::/32'], '2001:db8:1::1', true],
  ['IpAddress', ['0.0.0.0/0'], '::1', false],
  ['NotIpAddress', ['10.0.0.0/8'], '10.1.2.3', false],
  ['NotIpAddress', ['10.0.0.0/8'], '11.1.2.3', true],
  ['ArnEquals', ['arn:aws:ec2:*:*:vpc/*'], vpc, true],
  ['ArnLike', ['arn:aws:ec2:us-east-?:000000000000:vpc/vpc-1'], vpc, true],
  ['ArnLike', ['arn:aws:ec2:*:vpc/vpc-1:*'], vpc, false],
  ['ArnLike', ['arn:aws:ec2:*:*:vpc/*'], 'vpc-1', false],
  ['ArnNotEquals', ['arn:aws:ec2:*:*:vpc/*'], vpc, false],
  ['ArnNotLike', ['arn:aws:ec2:*:*:subnet/*'], vpc, true],
])('%s %j on %j is %s', (operator, wanted, actual, expected) => {
  expect(holds(operator, wanted, [actual])).toBe(expected)
})

test.each([
  ['StringEquals', ['a'], false],
  ['StringLike', ['*'], false],
  ['NumericLessThan', ['1'], false],
  ['DateGreaterThan', ['2026-01-01'], false],
  ['Bool', ['false'], false],
  ['IpAddress', ['0.0.0.0/0'], false],
  ['ArnLike', ['arn:*:*:*:*:*'], false],
  ['StringNotEquals', ['a'], true],
  ['StringNotLike', ['*'], true],
  ['NumericNotEquals', ['1'], true],
  ['DateNotEquals', ['2026-01-01'], true],
  ['NotIpAddress', ['0.0.0.0/0'], true],
  ['ArnNotLike', ['arn:*:*:*:*:*'], true],
  ['StringEqualsIfExists', ['a'], true],
  ['BoolIfExists', ['true'], true],
  ['ForAllValues:StringEquals', ['a'], true],
  ['ForAllValues:StringNotEquals', ['a'], true],
  ['ForAnyValue:StringEquals', ['a'], false],
  ['ForAnyValue:StringNotEquals', ['a'], false],
  ['ForAnyValue:StringEqualsIfExists', ['a'], false],
  ['Null', ['true'], true],
  ['Null', ['false'], false],
])('where the key is missing, %s %j is %s', (operator, wanted, expected) => {
  expect(holds(operator, wanted, undefined)).toBe(expected)
  // No tags are no different from no word about tags.
  expect(holds(operator, wanted, [])).toBe(expected)
})

test.each([
  ['StringEqualsIfExists', ['a'], ['b'], false],
  ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'b'], true],
  ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'c'], false],
  ['ForAllValues:StringLike', ['benchaway:*', 'Name'], ['benchaway:run', 'Name'], true],
  ['ForAllValues:StringNotEquals', ['a'], ['b', 'c'], true],
  ['ForAllValues:StringNotEquals', ['a'], ['a', 'b'], false],
  ['ForAnyValue:StringEquals', ['a'], ['b', 'a'], true],
  ['ForAnyValue:StringEquals', ['a'], ['b', 'c'], false],
  ['ForAnyValue:StringNotEquals', ['a'], ['a', 'b'], true],
  ['ForAnyValue:StringNotEquals', ['a'], ['a'], false],
  ['Null', ['false'], ['a'], true],
  ['Null', ['true', 'false'], ['a'], true],
])('%s %j on the set %j is %s', (operator, wanted, actual, expected) => {
  expect(holds(operator, wanted, actual)).toBe(expected)
})

test.each([
  ['StringEqual', 'a', "here: 'StringEqual' is not a condition operator of this endpoint"],
  ['stringequals', 'a', "here: 'stringequals' is not a condition operator of this endpoint"],
  ['NullIfExists', 'true', "here: 'NullIfExists' is not a condition operator of this endpoint"],
  ['BinaryEquals', 'YQ==', "here: 'BinaryEquals' is not a condition operator of this endpoint"],
  [
    'ForSomeValues:Bool',
    'true',
    "here: 'ForSomeValues:Bool' is not a condition operator of this endpoint",
  ],
  ['NumericEquals', '1 GiB', "here: '1 GiB' is not a number"],
  ['DateLessThan', 'tomorrow', "here: 'tomorrow' is not a date of ISO 8601"],
  ['DateLessThan', '2026-13-01', "here: '2026-13-01' is not a date of ISO 8601"],
  ['Bool', 'yes', "here: 'yes' is not true or false"],
  ['Null', '1', "here: '1' is not true or false"],
  ['IpAddress', '10.0.0.0/33', "here: '10.0.0.0/33' is not an IP address or a range of them"],
  ['IpAddress', '10.0.0', "here: '10.0.0' is not an IP address or a range of them"],
  ['IpAddress', '10.0.0.0/', "here: '10.0.0.0/' is not an IP address or a range of them"],
  ['ArnLike', '*', "here: '*' is not an ARN"],
  ['StringEquals', '${aws:username', "here: '${' is not closed in '${aws:username'"],
  ['StringEquals', '${a, b}', "here: '${a, b}' is not a policy variable"],
])('%s cannot want %j', (operator, wanted, message) => {
  expect(() => holds(operator, [wanted], ['a'])).toThrow(
    expect.objectContaining({ name: 'LocalEc2Error', code: 'POLICY_INVALID', message }),
  )
})
