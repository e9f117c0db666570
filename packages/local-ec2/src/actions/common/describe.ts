/** The common shape of Describe calls: by id or all, filtered, page by page. */
import type { Filter } from '@aws-sdk/client-ec2'

import { ApiError } from '../../query/api-error.ts'
import { isVisible, requireAll, type Resource, type ResourceKind } from '../../world/resource.ts'
import { type Fields, matcher } from './filters.ts'
import { page, type PageLimits, type PageRequest } from './paging.ts'

export interface DescribeRequest extends PageRequest {
  Filters?: Filter[] | undefined
}

export interface DescribeRules<T extends Resource> {
  kind: ResourceKind
  resources: ReadonlyMap<string, T>
  fields: Fields<T>
  /** `undefined` or empty for all. */
  ids: readonly string[] | undefined
  /** The parameter that carries `ids`, where EC2 does not allow it beside `MaxResults`. */
  exclusiveIds?: string
  /** @default 5 to 1000 */
  limits?: PageLimits
}

export function describe<T extends Resource>(
  request: DescribeRequest,
  { kind, resources, fields, ids = [], exclusiveIds, limits }: DescribeRules<T>,
): { items: T[]; NextToken: string | undefined } {
  if (ids.length > 0 && request.MaxResults !== undefined && exclusiveIds !== undefined) {
    throw new ApiError(
      'InvalidParameterCombination',
      `The parameter ${exclusiveIds} cannot be used with the parameter maxResults`,
    )
  }
  const matches = matcher(fields, request.Filters)
  const candidates =
    ids.length > 0
      ? requireAll(kind, resources, ids).toSorted((a, b) => a.order - b.order)
      : resources.values()
  const query = JSON.stringify([kind, ids, request.Filters])
  return page(filtered(candidates, matches), request, { query, ...(limits && { limits }) })
}

function* filtered<T extends Resource>(
  items: Iterable<T>,
  matches: (item: T) => boolean,
): Iterable<T> {
  for (const item of items) if (isVisible(item) && matches(item)) yield item
}
