/**
 * Clean-up of what earlier runs left behind.
 *
 * Only what is proven dead or expired is touched: a run is dead when its owner socket on this computer refuses, or
 * when its tag says that its time passed. Everything else may be alive, here or elsewhere, and stays.
 */
import { messageOf } from '../errors.ts'
import { forgetOwner, probeOwner } from '../lease/owner-socket.ts'
import { timeOfRunId } from '../lease/run-id.ts'
import type { Clients } from './clients.ts'
import type { InventoryItem } from './inventory.ts'
import { deleteSecurityGroup } from './security-group.ts'
import { terminateInstances } from './terminate.ts'

const nothing: SweepReport = { terminated: [], deletedGroups: [], aliveRuns: [], failed: [] }

/** How far a clock may be off before an expired run is believed to be. */
const skewMs = 300_000
/** A group this young may belong to a run that is just about to launch into it. */
const youngMs = 900_000

export interface SweepReport {
  readonly terminated: readonly string[]
  readonly deletedGroups: readonly string[]
  /** Runs of the same owner and project that were left alone because they may be alive. */
  readonly aliveRuns: readonly string[]
  /** Dead runs of which something could not be deleted, with the reason; the next sweep tries again. */
  readonly failed: readonly { readonly run: string; readonly reason: string }[]
}

/** @param items the inventory of a scope */
export async function sweep(
  clients: Clients,
  items: readonly InventoryItem[],
  ownRun: string,
): Promise<SweepReport> {
  const byRun = Map.groupBy(items, (item) => item.tags.run)
  byRun.delete(ownRun)
  const reports = await Promise.all(
    [...byRun].map(([run, left]) =>
      // What cannot be deleted keeps nobody from deleting the rest.
      sweepRun(clients, run, left).catch((error: unknown) => ({
        ...nothing,
        failed: [{ run, reason: messageOf(error) }],
      })),
    ),
  )
  return {
    terminated: reports.flatMap((report) => report.terminated),
    deletedGroups: reports.flatMap((report) => report.deletedGroups),
    aliveRuns: reports.flatMap((report) => report.aliveRuns),
    failed: reports.flatMap((report) => report.failed),
  }
}

async function sweepRun(
  clients: Clients,
  run: string,
  left: readonly InventoryItem[],
): Promise<SweepReport> {
  const proof = await probeOwner(run)
  // A run that lives on this computer is never touched, whatever its tags say.
  const expired =
    proof !== 'alive' && left.every((item) => item.tags.expires + skewMs < clients.now())
  if (proof !== 'dead' && !expired) return { ...nothing, aliveRuns: [run] }

  const instances = idsOf(
    left.filter((item) => item.state !== 'shutting-down'),
    'instance',
  )
  await terminateInstances(clients, instances, 0)
  const born = timeOfRunId(run)
  const old = proof === 'dead' || (born !== undefined && born + youngMs < clients.now())
  const groups = old ? idsOf(left, 'security-group') : []
  // Machines that were just terminated may hold the group for a minute; it costs nothing until the next sweep.
  const deleted = await Promise.all(groups.map((id) => deleteSecurityGroup(clients, id, 1000)))
  const deletedGroups = groups.filter((_, index) => deleted[index])
  if (proof === 'dead' && deletedGroups.length === groups.length) forgetOwner(run)
  return { ...nothing, terminated: instances, deletedGroups }
}

function idsOf(items: readonly InventoryItem[], kind: InventoryItem['kind']): string[] {
  return items.filter((item) => item.kind === kind).map((item) => item.id)
}
