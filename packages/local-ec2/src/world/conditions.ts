/**
 * What one call meets that others do not: faults set it, the world asks.
 *
 * It belongs to the call and not to the world, so that a fault can strike one call and spare the next.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

export interface Conditions {
  /** How much later than now what is made will be found, in ms. */
  hiddenMs: (type: string) => number
  /** How much later than now a change of tags, which those of something new are too, will be seen, in ms. */
  tagLagMs: () => number
  /** The most that a page holds. */
  pageSize: number
  /** Whether no machine of that type can be had in that zone. */
  lacksCapacity: (zone: string, instanceType: string) => boolean
}

const current = new AsyncLocalStorage<Conditions>()
const usual: Conditions = {
  hiddenMs: () => 0,
  tagLagMs: () => 0,
  pageSize: Infinity,
  lacksCapacity: () => false,
}

export function conditions(): Conditions {
  return current.getStore() ?? usual
}

/** `work` meets these besides those that hold already; of two of a kind the worse one counts. */
export function under<T>(more: Partial<Conditions>, work: () => T): T {
  const held = conditions()
  const added = { ...usual, ...more }
  return current.run(
    {
      hiddenMs: (type) => Math.max(held.hiddenMs(type), added.hiddenMs(type)),
      tagLagMs: () => Math.max(held.tagLagMs(), added.tagLagMs()),
      pageSize: Math.min(held.pageSize, added.pageSize),
      lacksCapacity: (...place) => held.lacksCapacity(...place) || added.lacksCapacity(...place),
    },
    work,
  )
}
