/** The common shape of Describe calls: by id or all, filtered, page by page. */
import type { Filter } from '@aws-sdk/client-ec2'

import { isVisible, requireAll, type Resource, type ResourceKind } from '../../world/resource.ts'
import { Table } from '../../world/table.ts'
import { type Fields, matcher, wantedBy } from './filters.ts'
import { pageAfter, type Page, type PageLimits, type PageRequest } from './paging.ts'
import { exclusive } from './refusals.ts'

export interface DescribeRequest extends PageRequest {
  Filters?: Filter[] | undefined
}

interface Selection<T extends Resource> {
  kind: ResourceKind
  /** Of a `Table` only those are looked at that the filters can mean. */
  resources: ReadonlyMap<string, T>
  fields: Fields<T>
  /** `undefined` or empty for all. */
  ids: readonly string[] | undefined
}

export interface DescribeRules<T extends Resource> extends Selection<T> {
  /** The parameter that carries `ids`, where EC2 does not allow it beside `MaxResults`. */
  exclusiveIds?: string
  /** @default 5 to 1000 */
  limits?: PageLimits
}

export function describe<T extends Resource>(
  request: DescribeRequest,
  { exclusiveIds, limits, ...selection }: DescribeRules<T>,
): Page<T> {
  const { kind, ids = [] } = selection
  if (ids.length > 0 && request.MaxResults !== undefined && exclusiveIds !== undefined) {
    throw exclusive(exclusiveIds, 'the parameter maxResults')
  }
  const query = JSON.stringify([kind, ids, request.Filters])
  return pageAfter(select(request.Filters, selection), request, {
    query,
    whole: ids.length > 0 && exclusiveIds !== undefined,
    ...(limits && { limits }),
  })
}

/** Those whose order is higher than what it is called with, in order. For a call without pages: from 0. */
export function select<T extends Resource>(
  filters: Filter[] | undefined,
  { kind, resources, fields, ids = [] }: Selection<T>,
): (order: number) => Iterable<T> {
  const matches = matcher(fields, filters)
  if (ids.length > 0) {
    const chosen = requireAll(kind, resources, ids)
      .filter(matches)
      .toSorted((a, b) => a.order - b.order)
    return (order) => chosen.filter((item) => item.order > order)
  }
  if (!(resources instanceof Table)) {
    return (order) =>
      only(resources.values(), (item) => item.order > order && isVisible(item) && matches(item))
  }
  const table: Table<T> = resources
  const wanted = wantedBy(filters)
  return (order) => only(table.after(order, wanted), (item) => isVisible(item) && matches(item))
}

/** Lazily. */
export function* only<T>(items: Iterable<T>, keep: (item: T) => boolean): Iterable<T> {
  for (const item of items) if (keep(item)) yield item
}
