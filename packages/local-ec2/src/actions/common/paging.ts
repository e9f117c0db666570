/** Pages of a Describe call, and the opaque token that leads from one to the next. */
import { createHmac, randomBytes } from 'node:crypto'

import { ApiError } from '../../query/api-error.ts'

export interface PageRequest {
  MaxResults?: number | undefined
  NextToken?: string | undefined
}

export interface PageLimits {
  min: number
  max: number
}

/** What most Describe calls allow. */
const usualLimits: PageLimits = { min: 5, max: 1000 }

const key = randomBytes(16)

/**
 * The part of `items` that was asked for; everything if `MaxResults` is not given.
 *
 * A token says after which item its page ends, so items that come and go between two calls neither
 * repeat nor hide others.
 *
 * @param query what belongs to a token besides its place: another query with it is refused
 * @throws {ApiError} `InvalidParameterValue`, `InvalidPaginationToken`
 */
export function page<T extends { order: number }>(
  items: Iterable<T>,
  { MaxResults: size, NextToken: token }: PageRequest,
  { limits = usualLimits, query }: { limits?: PageLimits; query: string },
): { items: T[]; NextToken: string | undefined } {
  checkSize(size, limits)
  const after = token === undefined ? -1 : readToken(token, query)
  const found: T[] = []
  for (const item of items) {
    if (item.order <= after) continue
    const last = found.at(-1)
    if (size !== undefined && found.length === size && last !== undefined) {
      return { items: found, NextToken: writeToken(last.order, query) }
    }
    found.push(item)
  }
  return { items: found, NextToken: undefined }
}

function checkSize(size: number | undefined, { min, max }: PageLimits): void {
  if (size === undefined) return
  const bad = (expectation: string): ApiError =>
    new ApiError(
      'InvalidParameterValue',
      `Value ( ${size} ) for parameter maxResults is invalid. Expecting a value ${expectation}.`,
    )
  if (!Number.isInteger(size)) throw bad('that is an integer')
  if (size < min) throw bad(`greater than or equal to ${min}`)
  if (size > max) throw bad(`less than or equal to ${max}`)
}

function writeToken(order: number, query: string): string {
  const place = order.toString(36)
  return Buffer.from(`${place}.${seal(place, query)}`).toString('base64url')
}

function readToken(token: string, query: string): number {
  const [place = '', mark] = Buffer.from(token, 'base64url').toString().split('.')
  if (mark !== seal(place, query)) {
    throw new ApiError('InvalidPaginationToken', 'The specified pagination token is not valid')
  }
  return Number.parseInt(place, 36)
}

function seal(place: string, query: string): string {
  return createHmac('sha256', key).update(`${place} ${query}`).digest('base64url').slice(0, 22)
}
