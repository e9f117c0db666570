/** Faults of machines: what is wrong with one from the start, and what happens to one while it runs. */
import { setTimeout } from 'node:timers/promises'

import type { BootTroubles } from '../machine/machine.ts'
import type { Instance } from '../world/instance.ts'
import { interrupt } from '../world/lifecycle.ts'
import type { World } from '../world/world.ts'
import type { BootFault, Launches, MachineFault, RunningFault } from './fault.ts'
import { launchMatcher } from './matching.ts'

/** Resolves when it has happened. */
export async function strikeMachine(
  world: World,
  instance: Instance,
  fault: RunningFault,
): Promise<void> {
  if (fault.machine !== 'is-interrupted') return instance.machine.trouble(fault.machine)
  const { noticeMs = 120_000, behavior: action = 'terminate' } = fault
  interrupt(world, instance, { action, noticeMs })
}

export function isBootFault(fault: MachineFault): fault is Launches & BootFault {
  return ['never-boots', 'boots-slowly', 'wrong-host-key'].includes(fault.machine)
}

/** To be asked once for each launch. */
export function bootFault(
  fault: Launches & BootFault,
  strike: () => void,
): (instanceType: string) => BootTroubles | undefined {
  const matches = launchMatcher(fault)
  return (instanceType) => {
    if (!matches(instanceType)) return undefined
    strike()
    if (fault.machine === 'never-boots') return { neverBoots: true }
    if (fault.machine === 'boots-slowly') return { bootDelayMs: fault.bootDelayMs }
    return { wrongHostKey: true }
  }
}

/** To be told each change of an instance's state. */
export function runningFault(
  fault: Launches & RunningFault & { afterMs?: number },
  world: World,
  { strike, removed }: { strike: () => void; removed: AbortSignal },
): (instance: Instance) => void {
  const matches = launchMatcher(fault)
  // Those that were there before were not launched under it, even if they are started again.
  const known = new WeakSet(world.instances.values())
  const chosen = new WeakSet<Instance>()

  async function strikeLater(instance: Instance): Promise<void> {
    const { afterMs = 0 } = fault
    if (afterMs > 0) await setTimeout(afterMs, undefined, { signal: removed, ref: false })
    if (instance.state !== 'running') return
    await strikeMachine(world, instance, fault)
    strike()
  }

  return (instance) => {
    if (!known.has(instance)) {
      known.add(instance)
      if (matches(instance.type.name)) chosen.add(instance)
    }
    if (instance.state !== 'running' || !chosen.delete(instance)) return
    // It fails where it was removed, or where the machine ended: then it has not struck.
    strikeLater(instance).catch(() => {})
  }
}
