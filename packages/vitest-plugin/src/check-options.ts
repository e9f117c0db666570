import { inspect } from 'node:util'

import { PluginError } from './errors.ts'

/** What an option may be: a test, and the words that say the same to people. */
export type OptionRule = readonly [allowed: (value: unknown) => boolean, words: string]

/**
 * Checks what the type checker could not: options that come from JavaScript, JSON or the environment.
 *
 * @param where what was called, such as `useInstance()`
 * @throws {PluginError} `OPTION_INVALID` that says which option, what was read and what is allowed
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
      throw new PluginError('OPTION_INVALID', `${where} has no option '${name}'`, {
        hint: `Use only ${[...known.keys()].join(', ')}.`,
      })
    }
    const [allowed, words] = rule
    if (value === undefined || allowed(value)) continue
    const read = inspect(value, { depth: 1, breakLength: Infinity })
    throw new PluginError('OPTION_INVALID', `option '${name}' of ${where} is ${read}`, {
      hint: `Give ${words}.`,
    })
  }
}

export const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
