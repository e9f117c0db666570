import { nearest } from '../nearest.ts'
/** Faults as somebody wrote them, in a file or in code: what is wrong in them is named by its path. */
import { isRecord, notA, unknownWord, wrong } from './checks.ts'
import type { Fault, RunningFault } from './fault.ts'
import { runningShape, shapes } from './shapes.ts'

/**
 * A JSON list of faults.
 *
 * @throws {LocalEc2Error} `FAULT_INVALID`; its message begins with the JSON path of what is wrong, such as `$[2].nth`
 */
export function readFaults(json: string): Fault[] {
  const value = parse(json)
  checkFaults(value, '$')
  return value
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (error) {
    throw wrong('$', `is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** @param path what an error calls the list */
export function checkFaults(value: unknown, path: string): asserts value is Fault[] {
  if (!Array.isArray(value)) throw notA('a list of faults', value, path)
  value.forEach((item: unknown, index) => checkFault(item, `${path}[${index}]`))
}

/** @param path what an error calls it */
export function checkFault(value: unknown, path: string): asserts value is Fault {
  if (!isRecord(value)) throw notA('an object', value, path)
  const [kind, second] = Object.keys(shapes).filter((name) => value[name] !== undefined)
  if (second !== undefined) {
    throw wrong(path, `has both ${kind} and ${second}`, 'Make two faults of it.')
  }
  const check = kind === undefined ? undefined : shapes[kind]
  if (check === undefined) throw nothingGoesWrong(value, path)
  check(value, path)
}

/** @param path what an error calls it */
export function checkRunningFault(value: unknown, path: string): asserts value is RunningFault {
  runningShape(value, path)
}

function nothingGoesWrong(value: Record<string, unknown>, path: string): Error {
  const words = Object.keys(shapes)
  const slip = Object.keys(value).find((name) => nearest(name, words) !== undefined)
  if (slip !== undefined) {
    return unknownWord(`${path}.${slip}`, {
      what: 'no member that a fault can have there',
      said: slip,
      words,
    })
  }
  return wrong(path, 'does not say what goes wrong', `Give it one of ${words.join(', ')}.`)
}
