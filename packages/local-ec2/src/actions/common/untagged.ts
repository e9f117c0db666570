/** Filters for what has no tags. */
import type { Filter } from '@aws-sdk/client-ec2'

import { type Fields, matcher } from './filters.ts'
import { invalidValue } from './refusals.ts'

/** As `matcher()`; a filter by tag is refused like any other that there is not. */
export function untaggedMatcher<T extends object>(
  fields: Fields<T>,
  filters?: readonly Filter[],
): (item: T) => boolean {
  const byTag = filters?.find(
    ({ Name: name = '' }) => name === 'tag-key' || name.startsWith('tag:'),
  )
  if (byTag !== undefined) {
    throw invalidValue(`The filter '${byTag.Name}' is invalid`)
  }
  return matcher(fields, filters)
}
