/**
 * Text of a policy that may hold wildcards and policy variables: `arn:aws:iam::*:user/${aws:username}`.
 *
 * What a variable stands for is taken as it is: a `*` in a user's name is no wildcard.
 */
import { invalid } from './invalid.ts'

/** The condition keys of a request: their values by their names in lower case. */
export type Keys = ReadonlyMap<string, readonly string[]>

interface Variable {
  key: string
  fallback: string | undefined
}

const any: unique symbol = Symbol('*')
const one: unique symbol = Symbol('?')

type Part = string | typeof any | typeof one | Variable
export type Pattern = readonly Part[]

interface Syntax {
  wildcards: boolean
  /** Throws if there is no such variable; `undefined` where `${` means nothing special. */
  checkVariable: ((key: string, place: string) => void) | undefined
}

/**
 * @param place where in the document it stands
 * @throws {LocalEc2Error} `POLICY_INVALID` for a variable that is not closed or not known
 */
export function parsePattern(
  text: string,
  place: string,
  { wildcards, checkVariable }: Syntax,
): Pattern {
  const parts: Part[] = []
  let rest = text
  while (rest !== '') {
    const [, literal = '', special = ''] = /^([^*?$]*)([*?$]?)/.exec(rest) ?? []
    if (literal !== '') parts.push(literal)
    rest = rest.slice(literal.length + special.length)
    if (special === '$' && checkVariable !== undefined && rest.startsWith('{')) {
      const end = rest.indexOf('}')
      if (end === -1) throw invalid(place, `'\${' is not closed in '${text}'`)
      parts.push(readVariable(rest.slice(1, end), place, checkVariable))
      rest = rest.slice(end + 1)
    } else if (special === '*' && wildcards) parts.push(any)
    else if (special === '?' && wildcards) parts.push(one)
    else if (special !== '') parts.push(special)
  }
  return parts
}

function readVariable(
  inside: string,
  place: string,
  checkVariable: (key: string, place: string) => void,
): string | Variable {
  if (inside === '*' || inside === '?' || inside === '$') return inside
  const [, key, fallback] = /^\s*([^,\s']+)\s*(?:,\s*'([^']*)'\s*)?$/.exec(inside) ?? []
  if (key === undefined) throw invalid(place, `'\${${inside}}' is not a policy variable`)
  checkVariable(key, place)
  return { key: key.toLowerCase(), fallback }
}

/** Cut at every `:` into at most `limit` pieces, the last one with what remains. */
export function splitPattern(pattern: Pattern, limit: number): Pattern[] {
  const pieces: Part[][] = [[]]
  for (const part of pattern) {
    if (typeof part !== 'string') {
      pieces.at(-1)?.push(part)
      continue
    }
    const [first = '', ...others] = part.split(':')
    if (first !== '') pieces.at(-1)?.push(first)
    for (const text of others) {
      if (pieces.length < limit) pieces.push(text === '' ? [] : [text])
      else pieces.at(-1)?.push(`:${text}`)
    }
  }
  return pieces
}

export function endsOpen(pattern: Pattern): boolean {
  return pattern.at(-1) === any
}

/** Never if it holds a variable that the request has no single value for. */
export function matches(pattern: Pattern, text: string, keys: Keys): boolean {
  const tokens: (string | symbol)[] = []
  for (const part of pattern) {
    if (typeof part === 'symbol') tokens.push(part)
    else if (typeof part === 'string') tokens.push(...Array.from(part))
    else {
      const [value = part.fallback, ...more] = keys.get(part.key) ?? []
      if (value === undefined || more.length > 0) return false
      tokens.push(...Array.from(value))
    }
  }
  return matchTokens(tokens, Array.from(text))
}

function matchTokens(tokens: readonly (string | symbol)[], characters: readonly string[]): boolean {
  let [token, character] = [0, 0]
  // Where the latest `*` is, and up to where it has swallowed: only the latest one ever needs more.
  let [star, swallowed] = [-1, 0]
  while (character < characters.length) {
    const wanted = tokens[token]
    if (wanted === any) {
      star = token++
      swallowed = character
    } else if (wanted === one || (wanted !== undefined && wanted === characters[character])) {
      token++
      character++
    } else if (star !== -1) {
      token = star + 1
      character = ++swallowed
    } else return false
  }
  return tokens.slice(token).every((rest) => rest === any)
}
