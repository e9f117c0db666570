import { ApiError } from '../query/api-error.ts'
import type { Throttle } from './fault.ts'
import type { Interception, StruckCall } from './interception.ts'
import { requestRate, type Rate, resourceRate } from './throttle-rates.ts'

type Request = Pick<StruckCall, 'call' | 'input'>

/** What a call takes from which bucket. */
interface Charge {
  bucket: string
  rate: Rate
  tokens: number
}

export function throttle({ throttle: limits }: Throttle): Interception {
  const buckets = new Map<string, Bucket>()
  const chargesOf = limits === 'documented' ? documented : custom(limits)
  return async (request) => {
    const charges = chargesOf(request).map(({ bucket: name, rate, tokens }) => {
      const bucket = buckets.get(name) ?? new Bucket(rate)
      buckets.set(name, bucket)
      return { bucket, tokens }
    })
    // All or none: a refused call costs nothing.
    if (!charges.every(({ bucket, tokens }) => bucket.holds(tokens))) {
      request.strike()
      throw refused(request)
    }
    for (const { bucket, tokens } of charges) bucket.take(tokens)
    return request.proceed()
  }
}

class Bucket {
  readonly #rate: Rate
  #tokens: number
  #filledAt = performance.now()

  constructor(rate: Rate) {
    this.#rate = rate
    this.#tokens = rate.burst
  }

  holds(tokens: number): boolean {
    const now = performance.now()
    const refill = ((now - this.#filledAt) / 1000) * this.#rate.perSecond
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + refill)
    this.#filledAt = now
    return this.#tokens >= tokens
  }

  take(tokens: number): void {
    this.#tokens -= tokens
  }
}

const custom =
  (rate: Rate) =>
  ({ call }: Request): Charge[] => [{ bucket: `${call.service}:${call.action}`, rate, tokens: 1 }]

function documented({ call: { service, action }, input }: Request): Charge[] {
  // AWS publishes none for STS.
  if (service !== 'ec2') return []
  const narrow = ['Filters', 'MaxResults', 'NextToken'].some((name) => input[name] !== undefined)
  const { rate, kind } = requestRate(action, narrow)
  const charges: Charge[] = [{ bucket: `${action} ${kind}`, rate, tokens: 1 }]
  const resources = resourceRate(action)
  if (resources !== undefined && input['DryRun'] !== true) {
    charges.push({ bucket: `${action} resources`, rate: resources, tokens: resourcesOf(input) })
  }
  return charges
}

function resourcesOf({ InstanceIds: ids, MaxCount: count }: Request['input']): number {
  if (Array.isArray(ids)) return ids.length
  return typeof count === 'number' ? count : 1
}

function refused({ call }: Request): ApiError {
  if (call.service === 'ec2') return new ApiError('RequestLimitExceeded', 'Request limit exceeded.')
  return new ApiError('Throttling', 'Rate exceeded')
}
