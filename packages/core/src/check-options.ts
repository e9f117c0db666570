import { inspect } from 'node:util'

import { BenchawayError } from './errors.ts'

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
  for (const [name, value] of Object.entries(given)) {
    const rule = known.get(name)
    if (rule === undefined) {
      throw new BenchawayError('OPTION_INVALID', `${where} has no option '${name}'`, {
        hint: `Use only ${[...known.keys()].join(', ')}.`,
      })
    }
    const [allowed, words] = rule
    if (value !== undefined && !allowed(value)) {
      throw new BenchawayError(
        'OPTION_INVALID',
        `option '${name}' of ${where} is ${inspect(value, { depth: 1, breakLength: Infinity })}`,
        { hint: `Give ${words}.` },
      )
    }
  }
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
