/** Checking what somebody wrote, down to the member that is wrong. */
import { LocalEc2Error } from '../errors.ts'
import { nearest } from '../nearest.ts'

/** @throws {LocalEc2Error} `FAULT_INVALID` */
export type Check = (value: unknown, path: string) => void

export type Members = Readonly<Record<string, Check>>

/** @param hint what it probably was meant to be */
export function wrong(path: string, message: string, hint?: string): LocalEc2Error {
  return new LocalEc2Error('FAULT_INVALID', `${path} ${message}`, {
    ...(hint !== undefined && { hint }),
  })
}

export function unknownWord(
  path: string,
  { what, said, words }: { what: string; said: string; words: readonly string[] },
): LocalEc2Error {
  const near = nearest(said, words)
  const hint = near === undefined ? `There are: ${words.join(', ')}.` : `Did you mean ${near}?`
  return wrong(
    path,
    `is ${what}: ${said}`,
    words.length > 20 && near === undefined ? undefined : hint,
  )
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Of something that may not be an object at all. */
export function membersOf(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {}
}

/** An object with exactly these members, of which `may` can be absent. */
export function object(must: Members, may: Members = {}): Check {
  return (value, path) => {
    if (!isRecord(value)) throw notA('an object', value, path)
    refuseUnknown(value, { ...must, ...may }, path)
    for (const [name, check] of Object.entries({ ...must, ...may })) {
      const member = value[name]
      if (member !== undefined) check(member, `${path}.${name}`)
      else if (Object.hasOwn(must, name)) throw wrong(path, `lacks the member ${name}`)
    }
  }
}

function refuseUnknown(
  value: Record<string, unknown>,
  members: Readonly<Record<string, unknown>>,
  path: string,
): void {
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(members, name))
  if (unknown === undefined) return
  throw unknownWord(`${path}.${unknown}`, {
    what: 'no member that a fault can have there',
    said: unknown,
    words: Object.keys(members),
  })
}

export const text: Check = (value, path) => {
  if (typeof value !== 'string' || value === '') throw notA('a text', value, path)
}

/** @param range both ends included */
export function number(
  min: number,
  max: number,
  { whole = false }: { whole?: boolean } = {},
): Check {
  return (value, path) => {
    const wanted = `a ${whole ? 'whole ' : ''}number from ${min} to ${max}`
    if (typeof value !== 'number' || !(value >= min && value <= max))
      throw notA(wanted, value, path)
    if (whole && !Number.isInteger(value)) throw notA(wanted, value, path)
  }
}

export function word(...words: string[]): Check {
  return (value, path) => {
    if (typeof value !== 'string') throw notA(`one of ${words.join(', ')}`, value, path)
    if (!words.includes(value))
      throw unknownWord(path, { what: 'no word for that', said: value, words })
  }
}

export function listOf(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) throw notA('a list', value, path)
    if (value.length === 0) throw wrong(path, 'is an empty list, which strikes nothing')
    value.forEach((item: unknown, index) => check(item, `${path}[${index}]`))
  }
}

/** The check for what it looks like. */
export function either({
  list,
  record,
  otherwise,
}: {
  list?: Check
  record?: Check
  otherwise: Check
}): Check {
  return (value, path) => {
    if (Array.isArray(value) && list !== undefined) list(value, path)
    else if (isRecord(value) && record !== undefined) record(value, path)
    else otherwise(value, path)
  }
}

export function notA(wanted: string, value: unknown, path: string): LocalEc2Error {
  return wrong(path, `must be ${wanted}, not ${shown(value)}`)
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (isRecord(value)) return 'an object'
  return typeof value === 'string' ? `'${value}'` : String(value)
}
