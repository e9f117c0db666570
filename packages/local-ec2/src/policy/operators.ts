/**
 * The condition operators of IAM: each makes, of what a policy wants, a test of what a request has.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
import { BlockList, isIP } from 'node:net'

import { invalid } from './invalid.ts'
import { type Keys, matches, parsePattern, type Pattern, splitPattern } from './pattern.ts'

export type Test = (actual: string, keys: Keys) => boolean

export interface Operator {
  /** Holds where the test fails, so also where there is nothing to test. */
  readonly negated: boolean
  /** @throws {LocalEc2Error} `POLICY_INVALID` for a value that such an operator cannot want */
  readonly compile: (wanted: string, place: string, checkVariable: CheckVariable) => Test
}

type CheckVariable = Parameters<typeof parsePattern>[2]['checkVariable']

const equalText: Operator['compile'] = (wanted, place, checkVariable) => {
  const pattern = parsePattern(wanted, place, { wildcards: false, checkVariable })
  return (actual, keys) => matches(pattern, actual, keys)
}

const equalFoldedText: Operator['compile'] = (wanted, place, checkVariable) => {
  const pattern = parsePattern(wanted.toLowerCase(), place, { wildcards: false, checkVariable })
  return (actual, keys) => matches(pattern, actual.toLowerCase(), folded(keys))
}

function folded(keys: Keys): Keys {
  return new Map([...keys].map(([key, values]) => [key, values.map((v) => v.toLowerCase())]))
}

const likeText: Operator['compile'] = (wanted, place, checkVariable) => {
  const pattern = parsePattern(wanted, place, { wildcards: true, checkVariable })
  return (actual, keys) => matches(pattern, actual, keys)
}

/** Part by part: a `*` does not reach across a colon. */
const likeArn: Operator['compile'] = (wanted, place, checkVariable) => {
  const parts = splitArn(parsePattern(wanted, place, { wildcards: true, checkVariable }))
  if (parts === undefined) throw invalid(place, `'${wanted}' is not an ARN`)
  return (actual, keys) => {
    const actualParts = splitArnText(actual)
    if (actualParts === undefined) return false
    return parts.every((part, index) => matches(part, actualParts[index] ?? '', keys))
  }
}

function splitArn(pattern: Pattern): Pattern[] | undefined {
  const parts = splitPattern(pattern, 6)
  const [[word, ...more] = []] = parts
  return parts.length === 6 && word === 'arn' && more.length === 0 ? parts : undefined
}

/** The six parts of an ARN, of which the last may hold colons. */
export function splitArnText(arn: string): string[] | undefined {
  const [, ...parts] = /^(arn):([^:]*):([^:]*):([^:]*):([^:]*):(.*)$/s.exec(arn) ?? []
  return parts.length === 6 ? parts : undefined
}

const number =
  (compare: (actual: number, wanted: number) => boolean): Operator['compile'] =>
  (wanted, place) => {
    const value = readNumber(wanted)
    if (value === undefined) throw invalid(place, `'${wanted}' is not a number`)
    return (actual) => {
      const actualValue = readNumber(actual)
      return actualValue !== undefined && compare(actualValue, value)
    }
  }

function readNumber(text: string): number | undefined {
  return /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined
}

const date =
  (compare: (actual: number, wanted: number) => boolean): Operator['compile'] =>
  (wanted, place) => {
    const time = readDate(wanted)
    if (time === undefined) throw invalid(place, `'${wanted}' is not a date of ISO 8601`)
    return (actual) => {
      const actualTime = readDate(actual)
      return actualTime !== undefined && compare(actualTime, time)
    }
  }

/** In ms since the epoch; a number is seconds since then. */
function readDate(text: string): number | undefined {
  if (/^\d{1,11}$/.test(text)) return Number(text) * 1000
  const isDate = /^\d{4}-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d))?)?$/.test(text)
  const time = isDate ? Date.parse(text.replace(/([+-]\d\d)(\d\d)$/, '$1:$2')) : Number.NaN
  return Number.isNaN(time) ? undefined : time
}

const boolean: Operator['compile'] = (wanted, place) => {
  if (!/^(true|false)$/i.test(wanted)) throw invalid(place, `'${wanted}' is not true or false`)
  return (actual) => actual.toLowerCase() === wanted.toLowerCase()
}

const address: Operator['compile'] = (wanted, place) => {
  const [network = '', length, ...more] = wanted.split('/')
  const version = isIP(network)
  const bits = version === 4 ? 32 : 128
  const prefix =
    length === undefined ? bits : Number(/^\d{1,3}$/.test(length) ? length : Number.NaN)
  if (version === 0 || more.length > 0 || !(prefix <= bits)) {
    throw invalid(place, `'${wanted}' is not an IP address or a range of them`)
  }
  const range = new BlockList()
  range.addSubnet(network, prefix, version === 4 ? 'ipv4' : 'ipv6')
  return (actual) => {
    const plain = actual.replace(/^::ffff:(?=\d+\.)/i, '')
    const actualVersion = isIP(plain)
    return actualVersion === version && range.check(plain, version === 4 ? 'ipv4' : 'ipv6')
  }
}

const plain = (compile: Operator['compile']): Operator => ({ negated: false, compile })
const not = (compile: Operator['compile']): Operator => ({ negated: true, compile })

/** All but `Null` and `BinaryEquals`, which no key here could use. */
export const operators: ReadonlyMap<string, Operator> = new Map([
  ['StringEquals', plain(equalText)],
  ['StringNotEquals', not(equalText)],
  ['StringEqualsIgnoreCase', plain(equalFoldedText)],
  ['StringNotEqualsIgnoreCase', not(equalFoldedText)],
  ['StringLike', plain(likeText)],
  ['StringNotLike', not(likeText)],
  ['NumericEquals', plain(number((actual, wanted) => actual === wanted))],
  ['NumericNotEquals', not(number((actual, wanted) => actual === wanted))],
  ['NumericLessThan', plain(number((actual, wanted) => actual < wanted))],
  ['NumericLessThanEquals', plain(number((actual, wanted) => actual <= wanted))],
  ['NumericGreaterThan', plain(number((actual, wanted) => actual > wanted))],
  ['NumericGreaterThanEquals', plain(number((actual, wanted) => actual >= wanted))],
  ['DateEquals', plain(date((actual, wanted) => actual === wanted))],
  ['DateNotEquals', not(date((actual, wanted) => actual === wanted))],
  ['DateLessThan', plain(date((actual, wanted) => actual < wanted))],
  ['DateLessThanEquals', plain(date((actual, wanted) => actual <= wanted))],
  ['DateGreaterThan', plain(date((actual, wanted) => actual > wanted))],
  ['DateGreaterThanEquals', plain(date((actual, wanted) => actual >= wanted))],
  ['Bool', plain(boolean)],
  ['IpAddress', plain(address)],
  ['NotIpAddress', not(address)],
  ['ArnEquals', plain(likeArn)],
  ['ArnNotEquals', not(likeArn)],
  ['ArnLike', plain(likeArn)],
  ['ArnNotLike', not(likeArn)],
])
