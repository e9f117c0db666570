/** Parameters that must be one of a few words, or a number within limits. */
import { invalidValue } from './refusals.ts'

/** `undefined` if it was not given. */
export function choice<Word extends string>(
  parameter: string,
  value: string | undefined,
  words: readonly Word[],
): Word | undefined {
  const word = words.find((allowed) => allowed === value)
  if (word === undefined && value !== undefined) {
    throw invalidValue(`Value (${value}) for parameter ${parameter} is invalid.`)
  }
  return word
}

/** `undefined` if it was not given. */
export function within(
  parameter: string,
  value: number | undefined,
  { min, max }: { min: number; max: number },
): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return value
  throw invalidValue(
    `Value (${value}) for parameter ${parameter} is invalid. It must be between ${min} and ${max}.`,
  )
}
