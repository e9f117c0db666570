/** Tags as they travel: what may be set in a create call, and how they are answered. */
import type { Tag, TagSpecification } from '@aws-sdk/client-ec2'

import { ApiError } from '../../query/api-error.ts'
import type { Tags } from '../../world/resource.ts'
import { shownTags } from '../../world/tags.ts'

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
      throw invalid(`'${type ?? 'null'}' is not a valid taggable resource type for this operation.`)
    }
    if (byType.has(type)) throw invalid(`Duplicate resource type '${type}' in TagSpecifications`)
    if (tags.length === 0) throw invalid('Tag specification must have at least one tag')
    byType.set(type, readTags(tags))
  }
  return (type) => new Map(byType.get(type))
}

function readTags(list: readonly Tag[]): Tags {
  const tags: Tags = new Map()
  for (const { Key: key = '', Value: value = '' } of list) {
    if (key === '') throw invalid('Tag key cannot be empty')
    if (key.length > maxKeyLength) {
      throw invalid(`Tag key exceeds the maximum length of ${maxKeyLength} characters`)
    }
    if (value.length > maxValueLength) {
      throw invalid(`Tag value exceeds the maximum length of ${maxValueLength} characters`)
    }
    if (/^aws:/i.test(key)) {
      throw invalid(
        `Value ( ${key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use`,
      )
    }
    if (tags.has(key)) throw invalid(`Duplicate tag key '${key}' specified.`)
    tags.set(key, value)
  }
  if (tags.size > maxTags) {
    throw new ApiError('TagLimitExceeded', `More than ${maxTags} tags specified`)
  }
  return tags
}

function invalid(message: string): ApiError {
  return new ApiError('InvalidParameterValue', message)
}
