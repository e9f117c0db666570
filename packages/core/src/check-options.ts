import { isIP } from 'node:net'
import { inspect } from 'node:util'

import { BenchawayError } from './errors.ts'

export { readUserData, userDataRule, type UserPart } from './boot/user-parts.ts'

/** What an option may be: a test, and the words that say the same to people. */
export type OptionRule = readonly [allowed: (value: unknown) => boolean, words: string]

/**
 * Checks what the type checker could not: options that come from JavaScript, JSON or the environment.
 *
 * @param where what was called, such as `openFleet()`
 * @throws {BenchawayError} `OPTION_INVALID` that says which option, what was read and what is allowed
 */
export function checkOptions<T extends object>(
  where: string,
  given: T,
  rules: { readonly [K in keyof Required<T>]: OptionRule },
): void {
  const known = new Map<string, OptionRule>(Object.entries(rules))
  if (typeof given !== 'object' || given === null) {
    throw new BenchawayError(
      'OPTION_INVALID',
      `${where} needs its options, and got ${inspect(given)}`,
      {
        hint: `Give an object with ${[...known.keys()].join(', ')}.`,
      },
    )
  }
  for (const [name, value] of Object.entries(given)) {
    const rule = known.get(name)
    if (rule === undefined) {
      const meant = nearest(name, [...known.keys()])
      throw new BenchawayError('OPTION_INVALID', `${where} has no option '${name}'`, {
        hint:
          meant === undefined
            ? `Use only ${[...known.keys()].join(', ')}.`
            : `Did you mean '${meant}'?`,
      })
    }
    const [allowed, words] = rule
    if (value === undefined || allowed(value)) continue
    throw new BenchawayError('OPTION_INVALID', `option '${name}' of ${where} is ${shown(value)}`, {
      hint: `Give ${words}.`,
    })
  }
}

/** Of an object no texts: they may be secrets, such as variables and credentials. */
function shown(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return inspect(value, { depth: 1, breakLength: Infinity })
  }
  const parts = Object.entries(value).map(([name, part]) =>
    typeof part === 'number' || typeof part === 'boolean' ? `${name}: ${part}` : name,
  )
  if (parts.length === 0) return inspect(value, { depth: 0 })
  return `{ ${parts.slice(0, 8).join(', ')}${parts.length > 8 ? ', …' : ''} }`
}

export const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''

/** Milliseconds from `min` to `max`, whole or not. */
export const isMs =
  (min: number, max: number) =>
  (value: unknown): boolean =>
    typeof value === 'number' && value >= min && value <= max

export const isWhole =
  (min: number, max: number) =>
  (value: unknown): boolean =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max

/** Such as `m7i.large`. Whether there is one of that name is for EC2 to say. */
export const isInstanceType = (value: unknown): boolean =>
  typeof value === 'string' && /^[a-z0-9-]+\.[a-z0-9-]+$/.test(value)

/** What tells the projects of one account apart; it becomes a tag, where `*` would be a wildcard. */
export const isProjectName = (value: unknown): boolean =>
  typeof value === 'string' && /^[a-z0-9._-]{1,64}$/.test(value)

/** Images that are known by name, the newest one of each. */
export const imageNames = ['debian-12', 'debian-13', 'ubuntu-24.04', 'amazon-linux-2023'] as const
export type ImageName = (typeof imageNames)[number]

export const imageRule: OptionRule = [
  (value) =>
    typeof value === 'string' &&
    (imageNames.some((name) => name === value) || /^ami-[0-9a-f]{8,17}$/.test(value)),
  `one of ${imageNames.join(', ')}, or an id such as ami-0123456789abcdef0`,
]

export const ingressRule: OptionRule = [
  (value) =>
    value === 'me' ||
    value === 'any' ||
    (Array.isArray(value) && value.length > 0 && value.every((block) => isBlock(block))),
  `'me', 'any' or a list of address blocks such as ['203.0.113.0/24']`,
]

function isBlock(value: unknown): boolean {
  if (typeof value !== 'string') return false
  const [address = '', bits = '', ...more] = value.split('/')
  const family = isIP(address)
  const most = family === 4 ? 32 : 128
  return more.length === 0 && family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= most
}

/** The known name that takes the fewest changes, if that is a plausible slip. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const near = known
    .map((one) => ({ one, changes: distance(name.toLowerCase(), one.toLowerCase()) }))
    .toSorted((a, b) => a.changes - b.changes)[0]
  return near !== undefined && near.changes <= Math.max(2, name.length / 3) ? near.one : undefined
}

/** How many letters must be put in, left out or exchanged (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [at, letter] of from.split('').entries()) {
    const next = [at + 1]
    for (const [index, other] of to.split('').entries()) {
      const exchanged = (row[index] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(exchanged, (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
