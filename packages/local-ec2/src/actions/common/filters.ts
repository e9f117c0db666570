/** Filters of Describe calls: values of one are alternatives, all of them must hold. */
import type { Filter } from '@aws-sdk/client-ec2'

import { ApiError } from '../../query/api-error.ts'
import type { Tags } from '../../world/resource.ts'
import { shownTags } from '../../world/tags.ts'
import { matchesWildcard } from './wildcard.ts'

type Scalar = string | number | boolean | Date | undefined

/** What a filter looks at, by its name; several values mean that any of them may match. */
export type Fields<T> = Record<string, (item: T) => Scalar | readonly Scalar[]>

const maxValues = 200

/** @throws {ApiError} `InvalidParameterValue` for a filter that is not in `fields` */
export function matcher<T extends { tags?: Tags }>(
  fields: Fields<T>,
  filters: readonly Filter[] = [],
): (item: T) => boolean {
  const tests = filters.map((filter) => test(fields, filter))
  const values = filters.reduce((sum, { Values = [] }) => sum + Values.length, 0)
  if (values > maxValues) {
    throw new ApiError(
      'FilterLimitExceeded',
      `The maximum number of filter values specified on a single call is ${maxValues}`,
    )
  }
  return (item) => tests.every((passes) => passes(item))
}

function test<T extends { tags?: Tags }>(
  fields: Fields<T>,
  { Name: name, Values: patterns = [] }: Filter,
): (item: T) => boolean {
  const read = name === undefined ? undefined : readerOf(fields, name)
  if (read === undefined) {
    throw new ApiError('InvalidParameterValue', `The filter '${name ?? 'null'}' is invalid`)
  }
  return (item) => {
    const value = read(item)
    const texts = (Array.isArray(value) ? value : [value]).map(toText)
    return texts.some(
      (text) => text !== undefined && patterns.some((pattern) => matchesWildcard(pattern, text)),
    )
  }
}

function readerOf<T extends { tags?: Tags }>(
  fields: Fields<T>,
  name: string,
): ((item: T) => Scalar | readonly Scalar[]) | undefined {
  if (name.startsWith('tag:'))
    return ({ tags }) => tags && shownTags(tags).get(name.slice('tag:'.length))
  if (name === 'tag-key')
    return ({ tags }) => (tags === undefined ? [] : [...shownTags(tags).keys()])
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}

function toText(value: Scalar): string | undefined {
  if (value instanceof Date) return value.toISOString()
  return value === undefined ? undefined : String(value)
}
