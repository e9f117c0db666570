/** Tags as they travel: what may be set in a create call, and how they are answered. */
import type { Tag, TagSpecification } from '@aws-sdk/client-ec2'

import { ApiError } from '../../query/api-error.ts'
import type { Tags } from '../../world/resource.ts'
import { reservedPrefix, shownTags } from '../../world/tags.ts'
import { invalidValue } from './refusals.ts'

const maxTags = 50
const maxKeyLength = 128
const maxValueLength = 256

export function tagList(tags: Tags): Tag[] {
  return [...shownTags(tags)].map(([Key, Value]) => ({ Key, Value }))
}

/**
 * The tags for each of `types`, the resource types that an action makes.
 *
 * @throws {ApiError} `InvalidParameterValue`, `TagLimitExceeded`
 */
export function readTagSpecifications<Type extends string>(
  specifications: readonly TagSpecification[] = [],
  types: readonly Type[],
): (type: Type) => Tags {
  const byType = new Map<string, Tags>()
  for (const { ResourceType: type, Tags: tags = [] } of specifications) {
    if (type === undefined || !types.some((allowed) => allowed === type)) {
      throw invalidValue(
        `'${type ?? 'null'}' is not a valid taggable resource type for this operation.`,
      )
    }
    if (byType.has(type))
      throw invalidValue(`Duplicate resource type '${type}' in TagSpecifications`)
    if (tags.length === 0) throw invalidValue('Tag specification must have at least one tag')
    byType.set(type, readTags(tags))
  }
  return (type) => new Map(byType.get(type))
}

/** @throws {ApiError} `InvalidParameterValue`, `TagLimitExceeded` */
export function readTags(list: readonly Tag[]): Tags {
  const tags: Tags = new Map()
  for (const { Key: key = '', Value: value } of list) {
    checkKey(key)
    if (value === undefined) {
      throw invalidValue(
        `Value ( ${key} ) for parameter value is invalid. Tag value cannot be null. Use empty string instead.`,
      )
    }
    if (lengthOf(value) > maxValueLength) {
      throw invalidValue(`Tag value exceeds the maximum length of ${maxValueLength} characters`)
    }
    if (tags.has(key)) throw invalidValue(`Duplicate tag key '${key}' specified.`)
    tags.set(key, value)
  }
  checkCount(tags)
  return tags
}

/** @throws {ApiError} `InvalidParameterValue` */
export function checkKey(key: string): void {
  if (key === '') {
    throw invalidValue(
      `Value ( '' ) for parameter Tag key is invalid. Tag key cannot be null or empty.`,
    )
  }
  if (lengthOf(key) > maxKeyLength) {
    throw invalidValue(`Tag key exceeds the maximum length of ${maxKeyLength} characters`)
  }
  const prefix = reservedPrefix(key)
  if (prefix !== undefined) {
    throw invalidValue(
      `Value ( ${key} ) for parameter key is invalid. Tag keys starting with '${prefix}' are reserved for internal use`,
    )
  }
}

/** @throws {ApiError} `TagLimitExceeded` where these are too many for one resource */
export function checkCount(tags: Tags): void {
  let count = 0
  for (const key of tags.keys()) if (reservedPrefix(key) === undefined) count++
  if (count > maxTags) {
    throw new ApiError(
      'TagLimitExceeded',
      'The maximum number of Tags for a resource has been reached.',
    )
  }
}

/** In characters as people count them, more or less. */
function lengthOf(text: string): number {
  return Array.from(text).length
}
