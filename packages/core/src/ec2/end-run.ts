/**
 * The end of a run: its machines leave the security group, are terminated, the group is deleted, and an inventory
 * says whether that was all. What exists is asked of EC2 by tag, again and again, not only remembered, so a machine
 * whose launch was never answered, or that EC2 shows late, ends too.
 */
import { setTimeout as sleep } from 'node:timers/promises'

import { isDenied, messageOf } from '../errors.ts'
import type { Clients } from './clients.ts'
import { type InventoryItem, takeInventory } from './inventory.ts'
import { leaveGroup } from './leave-group.ts'
import { pollUntil } from './poll.ts'
import { deleteSecurityGroup } from './security-group.ts'
import type { Scope } from './tags.ts'
import { terminateInstances } from './terminate.ts'

export interface EndRunRequest {
  readonly scope: Scope
  readonly run: string
  /** The security group that we made: it may not be found by tag yet, or EC2 may not be asked what there is. */
  readonly group: Promise<string | undefined>
  /** How long to wait for EC2 to take everything apart, in milliseconds. 0: order the end of all there is, and go. */
  readonly waitMs: number
  readonly log: (line: string) => void
}

/** It only saves a minute, so it may not hold up the end of the machines, which cost money. */
const leaveMs = 2000

/** The end of machines that we launched: they may not be found by tag yet. */
export async function endMachines(
  clients: Clients,
  known: readonly string[],
  { waitMs, log }: Pick<EndRunRequest, 'waitMs' | 'log'>,
): Promise<void> {
  if (waitMs > 0) {
    const leaving = leaveGroup(clients, known).catch((error: unknown) => {
      // Without this permission, or too early in a machine's life, the group just takes longer.
      log(`the machines kept their security group: ${messageOf(error)}`)
    })
    await Promise.race([leaving, sleep(leaveMs, undefined, { ref: false })])
  }
  const lost = await terminateInstances(clients, known, Math.min(waitMs, 120_000))
  if (lost.length > 0) log(`EC2 does not know ${lost.join(', ')}, which it launched`)
}

/** @returns what EC2 still lists of the run */
export async function endRun(
  clients: Clients,
  { scope, run, group, waitMs, log }: EndRunRequest,
): Promise<InventoryItem[]> {
  // As long as EC2 keeps it there is a machine in it, although none may be listed yet. A hurry does not wait for it.
  let own = waitMs > 0 ? await group : undefined
  const ask = async (): Promise<InventoryItem[] | undefined> => {
    const items = await takeInventory(clients, scope, run)
    const alive = items.filter((item) => item.kind === 'instance' && item.state !== 'shutting-down')
    await terminateInstances(
      clients,
      alive.map((item) => item.id),
      0,
    )
    log(
      `EC2 lists ${items.map((item) => `${item.id} ${item.state ?? ''}`.trim()).join(', ') || 'nothing'}`,
    )
    const listed = items.filter((item) => item.kind === 'security-group').map((item) => item.id)
    const groups = [...new Set([...listed, ...(own === undefined ? [] : [own])])]
    const deleted = await Promise.allSettled(
      groups.map((id) => deleteSecurityGroup(clients, id, 0)),
    )
    for (const [index, one] of deleted.entries()) {
      if (one.status === 'rejected') log(`a security group stays: ${messageOf(one.reason)}`)
      else if (one.value && groups[index] === own) own = undefined
    }
    return items.length === 0 && own === undefined ? items : undefined
  }
  const nothing = await pollUntil(ask, { timeoutMs: waitMs }).catch(async (error: unknown) => {
    const id = isDenied(error) ? await group : undefined
    if (id !== undefined) {
      await deleteSecurityGroup(clients, id, waitMs).catch((again: unknown) => {
        log(`the security group ${id} stays: ${messageOf(again)}`)
      })
    }
    throw error
  })
  return nothing ?? takeInventory(clients, scope, run)
}
