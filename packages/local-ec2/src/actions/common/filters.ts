/** Filters of Describe calls: values of one are alternatives, all of them must hold. */
import type { Filter } from '@aws-sdk/client-ec2'

import { ApiError } from '../../query/api-error.ts'
import type { Tags } from '../../world/resource.ts'
import type { Wanted } from '../../world/table.ts'
import { shownTags } from '../../world/tags.ts'
import { invalidValue } from './refusals.ts'
import { literalOf, wildcard } from './wildcard.ts'

type Scalar = string | number | boolean | Date | undefined

/** What a filter looks at, by its name; several values mean that any of them may match. */
export type Fields<T> = Record<string, (item: T) => Scalar | readonly Scalar[]>

const maxFilters = 50
const maxValues = 200
const maxLength = 255

/**
 * A filter without values matches nothing, as on EC2.
 *
 * @throws {ApiError} `InvalidParameterValue` for a filter that is not in `fields`, `FilterLimitExceeded`
 */
export function matcher<T extends { tags?: Tags }>(
  fields: Fields<T>,
  filters?: readonly Filter[],
): (item: T) => boolean {
  if (filters === undefined) return () => true
  // An empty list that is sent at all reads like a filter without a name.
  const tests = (filters.length === 0 ? [{}] : filters).map((filter) => test(fields, filter))
  checkLimits(filters)
  return (item) => tests.every((passes) => passes(item))
}

/** What a table may use to find the few that can match. */
export function wantedBy(filters: readonly Filter[] = []): Wanted[] {
  return filters.flatMap(({ Name: name = '', Values: patterns = [] }): Wanted[] => {
    const literals = patterns.map(literalOf).filter((literal) => literal !== undefined)
    if (literals.length === patterns.length) return [[name, literals]]
    return name.startsWith('tag:') ? [['tag-key', [name.slice('tag:'.length)]]] : []
  })
}

function checkLimits(filters: readonly Filter[]): void {
  if (filters.length > maxFilters) {
    throw tooMany(`The maximum number of filters specified on a single call is ${maxFilters}`)
  }
  for (const { Name: name = '', Values: patterns = [] } of filters) {
    if (patterns.length > maxValues) {
      throw tooMany(
        `The maximum number of filter values specified on a single call is ${maxValues}`,
      )
    }
    if (patterns.some((pattern) => pattern.length > maxLength)) {
      throw invalidValue(`A value of the filter '${name}' is longer than ${maxLength} characters`)
    }
  }
}

function test<T extends { tags?: Tags }>(
  fields: Fields<T>,
  { Name: name, Values: patterns = [] }: Filter,
): (item: T) => boolean {
  const read = name === undefined ? undefined : readerOf(fields, name)
  if (read === undefined) throw invalidValue(`The filter '${name ?? 'null'}' is invalid`)
  const literals = new Set(patterns.map(literalOf))
  const wildcards = patterns
    .filter((pattern) => literalOf(pattern) === undefined)
    .map((pattern) => wildcard(pattern))
  const matches = (value: Scalar): boolean => {
    if (value === undefined) return false
    const text = toText(value)
    return literals.has(text) || wildcards.some((fits) => fits(text))
  }
  return (item) => {
    const value = read(item)
    return isList(value) ? value.some(matches) : matches(value)
  }
}

function readerOf<T extends { tags?: Tags }>(
  fields: Fields<T>,
  name: string,
): ((item: T) => Scalar | readonly Scalar[]) | undefined {
  if (name.startsWith('tag:')) {
    const key = name.slice('tag:'.length)
    return ({ tags }) => tags && shownTags(tags).get(key)
  }
  if (name === 'tag-key')
    return ({ tags }) => (tags === undefined ? [] : [...shownTags(tags).keys()])
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}

function isList(value: Scalar | readonly Scalar[]): value is readonly Scalar[] {
  return Array.isArray(value)
}

function toText(value: Exclude<Scalar, undefined>): string {
  return value instanceof Date ? value.toISOString() : String(value)
}

function tooMany(message: string): ApiError {
  return new ApiError('FilterLimitExceeded', message)
}
