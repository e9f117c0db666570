/**
 * The end of a run: its machines leave the security group, are terminated, the group is deleted, and an inventory
 * says whether that was all. What exists is asked of EC2 by tag, not remembered, so a machine whose launch was never
 * answered ends too.
 */
import { messageOf } from '../errors.ts'
import type { Clients } from './clients.ts'
import { type InventoryItem, takeInventory } from './inventory.ts'
import { leaveGroup } from './leave-group.ts'
import { describeInstances, hasEnded } from './machines.ts'
import { pollUntil } from './poll.ts'
import { defaultGroupOf, deleteSecurityGroup } from './security-group.ts'
import { type Scope, scopeFilters } from './tags.ts'
import { terminateInstances } from './terminate.ts'

export interface EndRunRequest {
  readonly scope: Scope
  readonly run: string
  /** Machines that we know of: just launched ones may not be found by tag yet. */
  readonly known: readonly string[]
  /** How long to wait for EC2 to take everything apart, in milliseconds. 0: order the end of the machines and go. */
  readonly waitMs: number
  readonly log: (line: string) => void
}

/** @returns what EC2 still lists of the run */
export async function endRun(
  clients: Clients,
  { scope, run, known, waitMs, log }: EndRunRequest,
): Promise<InventoryItem[]> {
  const hurry = waitMs === 0
  // Money first: in a hurry those we know are ended before anything is asked.
  if (hurry) await terminateInstances(clients, known)
  const found = await describeInstances(clients, { filters: scopeFilters(scope, run) })
  const alive = found.filter((instance) => !hasEnded(instance))
  if (!hurry) {
    const moved = alive.map(async ({ InstanceId: id, VpcId: vpc }) => {
      if (id === undefined || vpc === undefined) return
      const group = await defaultGroupOf(clients, vpc)
      if (group !== undefined) await leaveGroup(clients, id, group)
    })
    for (const one of await Promise.allSettled(moved)) {
      // Without this permission, or too early in a machine's life, the group just takes a minute longer.
      if (one.status === 'rejected')
        log(`a machine kept its security group: ${messageOf(one.reason)}`)
    }
  }
  const ids = alive.flatMap(({ InstanceId: id }) => id ?? [])
  await terminateInstances(clients, [...new Set([...ids, ...(hurry ? [] : known)])])

  const left = await takeInventory(clients, scope, run)
  const groups = left.filter((item) => item.kind === 'security-group')
  for (const one of await Promise.allSettled(
    groups.map((group) => deleteSecurityGroup(clients, group.id, Math.min(waitMs, 120_000))),
  )) {
    if (one.status === 'rejected') log(`a security group was not deleted: ${messageOf(one.reason)}`)
  }

  let rest: InventoryItem[] = []
  await pollUntil(
    async () => {
      rest = await takeInventory(clients, scope, run)
      return rest.length === 0 ? true : undefined
    },
    { timeoutMs: waitMs },
  )
  return rest
}
