/** One line of a Condition block: an operator, a key, and what it may be. */
import { invalid } from './invalid.ts'
import { checkKey } from './keys.ts'
import { operators, type Test } from './operators.ts'
import type { Keys, parsePattern } from './pattern.ts'

export interface Condition {
  /** As written, and what it may be. */
  readonly key: string
  readonly wanted: readonly string[]
  readonly holds: Holds
}

type Holds = (keys: Keys) => boolean

interface Line {
  /** As written, such as `ForAllValues:StringLikeIfExists`. */
  operator: string
  key: string
  wanted: readonly string[]
  /** Where in the document it stands. */
  place: string
  /** Whether a key that is not modelled is a problem. */
  strict: boolean
  checkVariable: Parameters<typeof parsePattern>[2]['checkVariable']
}

/** @throws {LocalEc2Error} `POLICY_INVALID` for an operator, a key or a value that means nothing */
export function compileCondition(line: Line): Condition {
  return { key: line.key, wanted: line.wanted, holds: compile(line) }
}

function compile(line: Line): Holds {
  const { operator, key, wanted, place, strict } = line
  const several = strict && checkKey(key, place).multiple
  const name = key.toLowerCase()
  if (operator === 'Null') return compileNull(name, wanted, place)

  const [, quantifier, base = '', ifExists] =
    /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(operator) ?? []
  const known = operators.get(base)
  if (known === undefined) {
    throw invalid(place, `'${operator}' is not a condition operator of this endpoint`)
  }
  if (several && quantifier === undefined) {
    throw invalid(place, `'${key}' has several values and needs ForAllValues: or ForAnyValue:`)
  }
  const tests = wanted.map((value) => known.compile(value, place, line.checkVariable))
  const holds: Test = (actual, keys) => tests.some((test) => test(actual, keys)) !== known.negated

  if (quantifier === 'ForAllValues') {
    return (keys) => (keys.get(name) ?? []).every((actual) => holds(actual, keys))
  }
  if (quantifier === 'ForAnyValue') {
    return (keys) => (keys.get(name) ?? []).some((actual) => holds(actual, keys))
  }
  return (keys) => {
    const [actual] = keys.get(name) ?? []
    if (actual === undefined) return known.negated || ifExists !== undefined
    return holds(actual, keys)
  }
}

function compileNull(name: string, wanted: readonly string[], place: string): Holds {
  const bad = wanted.find((value) => !/^(true|false)$/i.test(value))
  if (bad !== undefined) throw invalid(place, `'${bad}' is not true or false`)
  const accepted = new Set(wanted.map((value) => value.toLowerCase()))
  return (keys) => accepted.has(String((keys.get(name) ?? []).length === 0))
}
