/** Pages of a Describe call, and the opaque token that leads from one to the next. */
import { createHmac, randomBytes } from 'node:crypto'

import { ApiError } from '../../query/api-error.ts'
import { conditions } from '../../world/conditions.ts'
import { invalidValue } from './refusals.ts'

export interface PageRequest {
  MaxResults?: number | undefined
  NextToken?: string | undefined
}

export interface PageLimits {
  min: number
  max: number
}

/** What belongs to a list besides the page that is asked for. */
interface PageRules {
  /** @default 5 to 1000, what most Describe calls allow */
  limits?: PageLimits
  /** What belongs to a token besides its place: another query with it is refused. */
  query: string
  /** Whether it never comes in pages that were not asked for. */
  whole?: boolean
}

export interface Page<T> {
  items: T[]
  NextToken: string | undefined
}

const key = randomBytes(16)

/**
 * The part of `items` that was asked for; everything if `MaxResults` is not given.
 *
 * A token says after which item its page ends, so items that come and go between two calls neither
 * repeat nor hide others.
 *
 * @throws {ApiError} `InvalidParameterValue`, `InvalidPaginationToken`
 */
export function page<T extends { order: number }>(
  items: Iterable<T>,
  request: PageRequest,
  rules: PageRules,
): Page<T> {
  return pageAfter((order) => later(items, order), request, rules)
}

/** The same for a list that can be entered anywhere. @param after items whose order is higher than that */
export function pageAfter<T extends { order: number }>(
  after: (order: number) => Iterable<T>,
  request: PageRequest,
  rules: PageRules,
): Page<T> {
  return pageFrom(
    (place) => after(place === '' ? -1 : Number.parseInt(place, 36)),
    ({ order }) => order.toString(36),
    request,
    rules,
  )
}

/**
 * The same for a list whose order is not a number.
 *
 * @param after items behind a place; all of them if it is empty
 * @param placeOf never empty
 */
export function pageFrom<T>(
  after: (place: string) => Iterable<T>,
  placeOf: (item: T) => string,
  { MaxResults, NextToken: token }: PageRequest,
  { limits = { min: 5, max: 1000 }, query, whole = false }: PageRules,
): Page<T> {
  checkSize(MaxResults, limits)
  const most = whole ? Infinity : conditions().pageSize
  const size = Math.min(MaxResults ?? Infinity, most)
  const found: T[] = []
  for (const item of after(token === undefined ? '' : readToken(token, query))) {
    const last = found.at(-1)
    if (found.length === size && last !== undefined) {
      return { items: found, NextToken: writeToken(placeOf(last), query) }
    }
    found.push(item)
  }
  return { items: found, NextToken: undefined }
}

function* later<T extends { order: number }>(items: Iterable<T>, order: number): Iterable<T> {
  for (const item of items) if (item.order > order) yield item
}

function checkSize(size: number | undefined, { min, max }: PageLimits): void {
  if (size === undefined) return
  const bad = (expectation: string): ApiError =>
    invalidValue(
      `Value ( ${size} ) for parameter maxResults is invalid. Expecting a value ${expectation}.`,
    )
  if (!Number.isInteger(size)) throw bad('that is an integer')
  if (size < min) throw bad(`greater than or equal to ${min}`)
  if (size > max) throw bad(`less than or equal to ${max}`)
}

function writeToken(place: string, query: string): string {
  return Buffer.from(`${seal(place, query)}${place}`).toString('base64url')
}

function readToken(token: string, query: string): string {
  const text = Buffer.from(token, 'base64url').toString()
  const place = text.slice(sealLength)
  if (place === '' || text.slice(0, sealLength) !== seal(place, query)) {
    throw new ApiError('InvalidPaginationToken', 'The specified pagination token is not valid')
  }
  return place
}

const sealLength = 22

function seal(place: string, query: string): string {
  const mac = createHmac('sha256', key).update(JSON.stringify([place, query]))
  return mac.digest('base64url').slice(0, sealLength)
}
