/** The faults in force, and where they meet calls and machines. */
import { LocalEc2Error } from '../errors.ts'
import { Hangup } from '../query/api-error.ts'
import type { Call, Handlers } from '../query/service.ts'
import type { World } from '../world/world.ts'
import { type ActiveFault, FaultInForce } from './active-fault.ts'
import { noCapacity, smallPages, tagLag, visibilityLag } from './circumstances.ts'
import type { Calls, ClockSkew, Fault, MachineFault, RunningFault } from './fault.ts'
import type { Interception } from './interception.ts'
import { bootFault, isBootFault, runningFault, strikeMachine } from './machines.ts'
import { callMatcher } from './matching.ts'
import { delay, drop, expiredCredentials, failure } from './outcomes.ts'
import { checkFault, checkRunningFault } from './read.ts'
import { throttle } from './throttle.ts'

/**
 * What goes wrong on purpose at an endpoint. Where several faults strike one call, the first added is the outermost;
 * of two lags or page sizes the worse one counts.
 */
export interface Faults {
  /**
   * From now on, until it is removed.
   *
   * @throws {LocalEc2Error} `FAULT_INVALID`
   */
  add(fault: Fault): ActiveFault
  /** Removes all. What they did to machines stays done. */
  clear(): void
  /**
   * Does it to one machine, now; resolves when it has happened. Does nothing to one that is off.
   *
   * @throws {LocalEc2Error} `FAULT_INVALID`, also for an instance that is not there
   */
  strike(instanceId: string, fault: RunningFault): Promise<void>
}

interface CallFault {
  matches: ReturnType<typeof callMatcher>
  intercept: Interception
  active: FaultInForce
}

/** Those of one endpoint. */
export class FaultBook implements Faults {
  readonly #world: World
  readonly #active = new Set<FaultInForce>()
  readonly #calls = new Set<CallFault>()
  #closed = false

  constructor(world: World) {
    this.#world = world
  }

  add(fault: Fault): ActiveFault {
    checkFault(fault, 'fault')
    const active = new FaultInForce(fault)
    const end = this.#putInForce(fault, active)
    this.#active.add(active)
    active.removed.addEventListener('abort', () => {
      this.#active.delete(active)
      end()
    })
    return active
  }

  clear(): void {
    for (const active of this.#active) active.remove()
  }

  async strike(instanceId: string, fault: RunningFault): Promise<void> {
    checkRunningFault(fault, 'fault')
    const instance = this.#world.instances.get(instanceId)
    if (instance === undefined) {
      throw new LocalEc2Error('FAULT_INVALID', `there is no instance ${instanceId} to strike`)
    }
    await strikeMachine(this.#world, instance, fault)
  }

  /** Nothing is committed any more, not even by a call whose delay has just ended. */
  close(): void {
    this.#closed = true
    this.clear()
  }

  /** The same handlers, with faults around them. */
  around(handlers: Handlers): Handlers {
    return (action) => {
      const handler = handlers(action)
      if (handler === undefined) return undefined
      return (input, call) => {
        if (this.#calls.size === 0) return handler(input, call)
        return this.#intercept(input, call, () => handler(input, call))
      }
    }
  }

  #intercept(input: Record<string, unknown>, call: Call, handle: () => unknown): Promise<unknown> {
    // All of them count the call before the first one acts.
    const striking = [...this.#calls].filter(({ matches }) => matches(call, input))
    let proceed = async (): Promise<unknown> => {
      if (this.#closed) throw new Hangup()
      return handle()
    }
    for (const { intercept, active } of striking.toReversed()) {
      const inner = proceed
      const strike = active.strikeOnce()
      proceed = () => intercept({ call, input, proceed: inner, strike, removed: active.removed })
    }
    return proceed()
  }

  /** @returns what ends it */
  #putInForce(fault: Fault, active: FaultInForce): () => void {
    if ('clockSkewMs' in fault) return this.#skew(fault, active)
    if ('machine' in fault) return this.#watch(fault, active)
    const calls: Calls = fault
    return addTo(this.#calls, {
      matches: callMatcher(calls),
      intercept: interceptionOf(fault),
      active,
    })
  }

  #skew({ clockSkewMs }: ClockSkew, active: FaultInForce): () => void {
    this.#world.clockSkewMs += clockSkewMs
    active.strike()
    return () => {
      this.#world.clockSkewMs -= clockSkewMs
    }
  }

  #watch(fault: MachineFault, active: FaultInForce): () => void {
    const { removed } = active
    const strike = (): void => active.strike()
    if (isBootFault(fault)) return addTo(this.#world.bootFaults, bootFault(fault, strike))
    return addTo(this.#world.watchers, runningFault(fault, this.#world, { strike, removed }))
  }
}

function addTo<T>(set: Set<T>, item: T): () => void {
  set.add(item)
  return () => set.delete(item)
}

function interceptionOf(fault: Exclude<Fault, ClockSkew | MachineFault>): Interception {
  if ('drop' in fault) return drop(fault)
  if ('delayMs' in fault) return delay(fault)
  if ('error' in fault) return failure(fault)
  if ('throttle' in fault) return throttle(fault)
  if ('visibilityLagMs' in fault) return visibilityLag(fault)
  if ('tagLagMs' in fault) return tagLag(fault)
  if ('pageSize' in fault) return smallPages(fault)
  if ('noCapacity' in fault) return noCapacity(fault)
  return expiredCredentials()
}
