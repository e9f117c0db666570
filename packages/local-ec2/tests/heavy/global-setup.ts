/**
 * Before the first test of the heavy tier: tries each kind of machine, and builds what images are not built yet, both at
 * once, which takes a minute or two.
 *
 * What cannot be had is not an error but the reason why tests are skipped, with one exception: where `CI` is set, programs,
 * subordinate ids and images have to be there, because `script/setup` and the network bring them. What the computer itself
 * refuses (no root, no namespaces, no cgroup) nobody can bring, so that is a reason in CI as well.
 */
import type { TestProject } from 'vitest/node'

import { LocalEc2Error } from '../../src/errors.ts'
import { openMachineHost } from '../../src/machine/host.ts'
import type { ImageSystem } from '../../src/machine/machine.ts'
import { chooseKind } from '../../src/machine/probe.ts'
import { prepareImage } from '../../src/machine/rootfs.ts'
import { type HeavyKind, kinds, systems } from './kit.ts'

export default async function setup(project: TestProject): Promise<void> {
  const lacking: Partial<Record<HeavyKind | ImageSystem, string>> = {}
  await Promise.all(
    kinds.map(async (kind) => {
      const reason = await reasonAgainstKind(kind)
      if (reason !== undefined) lacking[kind] = reason
    }),
  )
  if (kinds.some((kind) => lacking[kind] === undefined)) {
    const outcomes = await Promise.allSettled(systems.map((system) => prepareImage(system)))
    for (const [index, outcome] of outcomes.entries()) {
      const system = systems[index]
      if (outcome.status === 'rejected' && system !== undefined) {
        lacking[system] = reasonOf(outcome.reason, 'missing')
      }
    }
  }
  project.provide('lacking', lacking)
}

async function reasonAgainstKind(kind: HeavyKind): Promise<string | undefined> {
  try {
    chooseKind(kind)
  } catch (error) {
    const isRefused = kind === 'systemd' && process.getuid?.() !== 0
    return reasonOf(error, isRefused ? 'refused' : 'missing')
  }
  try {
    await (await openMachineHost(kind)).close()
    return undefined
  } catch (error) {
    return reasonOf(error, 'refused')
  }
}

/** @throws what is a fault of ours, and in CI also what is missing */
function reasonOf(error: unknown, how: 'missing' | 'refused'): string {
  const isExpected =
    error instanceof LocalEc2Error &&
    (error.code === 'MACHINE_UNAVAILABLE' || error.code === 'ROOTFS_FAILED')
  if (!isExpected || (how === 'missing' && Boolean(process.env['CI']))) throw error
  process.stderr.write(`${error.message}\n${error.hint ?? ''}\n`)
  return error.message.split('\n')[0] ?? ''
}
