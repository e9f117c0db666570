/** Whether a fault strikes: this call, this launch. */
import { wildcard } from '../actions/common/wildcard.ts'
import type { Call } from '../query/service.ts'
import { matchesAction } from './actions.ts'
import { isRecord } from './checks.ts'
import type { Calls, Launches, Nth } from './fault.ts'

type Input = Readonly<Record<string, unknown>>

/** Asked once for each call, because it counts them. */
export function callMatcher({
  action = '*',
  nth,
  probability = 1,
  seed = 1,
  accessKeyId,
  input: wanted = {},
  afterMs = 0,
}: Calls): (call: Call, input: Input) => boolean {
  const from = performance.now() + afterMs
  const counts = new Map<string, number>()
  const draw = randomNumbers(seed)
  return (call, input) => {
    if (!matchesAction(action, { service: call.service, name: call.action })) return false
    if (accessKeyId !== undefined && accessKeyId !== call.credential.accessKeyId) return false
    if (afterMs > 0 && performance.now() < from) return false
    if (!has(wanted, input)) return false
    const count = (counts.get(call.action) ?? 0) + 1
    counts.set(call.action, count)
    return isNth(nth, count) && (probability >= 1 || draw() < probability)
  }
}

/** Asked once for each launch, because it counts them. */
export function launchMatcher({
  launch,
  instanceType = '*',
}: Launches): (instanceType: string) => boolean {
  let count = 0
  return (type) => wildcard(instanceType)(type) && isNth(launch, ++count)
}

function isNth(nth: Nth | undefined, count: number): boolean {
  if (nth === undefined) return true
  if (typeof nth === 'number') return nth === count
  if ('from' in nth) return count >= nth.from && count <= (nth.to ?? Infinity)
  return nth.includes(count)
}

function has(wanted: unknown, given: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(given) && wanted.every((one) => given.some((item) => has(one, item)))
  }
  if (isRecord(wanted)) {
    return isRecord(given) && Object.entries(wanted).every(([name, one]) => has(one, given[name]))
  }
  if (typeof wanted === 'string' && typeof given === 'string') return wildcard(wanted)(given)
  return wanted === given
}

/** From 0 to 1, the same for the same seed: mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
