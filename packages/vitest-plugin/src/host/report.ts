/** The words around Vitest's own report: where the numbers come from, where the time went, what is left. */

import type { Fleet, Instance, InventoryItem } from '@benchaway/core'
import { describe } from '@benchaway/core/errors'
import type { LocalEc2 } from '@benchaway/local-ec2'

/** Wall-clock time of each phase of a run, in milliseconds. */
export interface Phases {
  /** While a machine was being launched, up to the first verified login. */
  readonly bootMs: number
  /** While Node and the worker were being sent. */
  readonly shipMs: number
  /** While bench files ran. */
  readonly measureMs: number
  readonly cleanMs: number
}

const indent = ' '

export function headerLines(
  fleet: Pick<Fleet, 'target' | 'region' | 'owner' | 'project' | 'run'>,
  computer: string,
  local: Pick<LocalEc2, 'machine' | 'isolation'> | undefined,
): string[] {
  const { target, region, owner, project, run } = fleet
  const lines = [
    '',
    `${indent}Benchaway   ${target === 'aws' ? 'AWS EC2' : 'local'} in ${region}, project ${project} of ${owner}, run ${run}`,
  ]
  if (local !== undefined) {
    lines.push(
      `${indent}            local machines (${local.machine}): numbers from this computer (${computer}), not from EC2`,
      `${indent}            ${local.isolation}`,
    )
  }
  return lines
}

export function machineLine(
  instance: Pick<Instance, 'type' | 'id' | 'publicIp' | 'timing'>,
): string {
  const { type, id, publicIp, timing } = instance
  const { bootMs, connectMs } = timing
  return `${indent}${type.padEnd(11)} ${id} at ${publicIp}: running after ${seconds(bootMs)}, ssh after ${seconds(bootMs + connectMs)}`
}

/** When EC2 was never reached there is no inventory to take. */
export const nothingLaunched: readonly string[] = [
  `${indent}    Machines  nothing was launched`,
  '',
  'left behind: nothing',
]

export function footerLines({
  phases,
  left,
  failure,
}: {
  phases: Phases
  left: readonly InventoryItem[]
  failure: unknown
}): string[] {
  const { bootMs, shipMs, measureMs, cleanMs } = phases
  const lines = [
    `${indent}    Machines  boot ${seconds(bootMs)}, ship ${seconds(shipMs)}, measure ${seconds(measureMs)}, clean up ${seconds(cleanMs)}`,
  ]
  if (failure !== undefined) {
    lines.push(
      '',
      `clean-up failed: ${describe(failure)}`,
      'The machines end by themselves once their lease is over; the next run deletes the rest.',
      'left behind: unknown',
    )
    return lines
  }
  lines.push(`${indent}   Inventory  ${inventoryLine(left)}`, '')
  if (left.length === 0) return [...lines, 'left behind: nothing']
  return [
    ...lines,
    ...left.map(
      ({ kind, id, state }) => `  ${kind} ${id}${state === undefined ? '' : ` ${state}`}`,
    ),
    `left behind: ${left.length}`,
  ]
}

function inventoryLine(left: readonly InventoryItem[]): string {
  const kinds = ['instance', 'volume', 'network-interface', 'security-group'] as const
  return kinds
    .map((kind) => {
      const count = left.filter((item) => item.kind === kind).length
      return `${count} ${kind.replace('-', ' ')}${count === 1 ? '' : 's'}`
    })
    .join(', ')
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
