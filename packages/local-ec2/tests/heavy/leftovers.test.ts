/** Whatever happens to the process that holds machines of images, nothing of them stays on this computer. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { expect, test } from 'vitest'

import { openMachineHost } from '../../src/machine/host.ts'
import { boot, request, soon } from '../machine/bench-kit.ts'
import {
  cgroups,
  end,
  type Endpoint,
  type EndpointOptions,
  left,
  patience,
  startEndpoint,
  ticks,
} from '../machine/traces.ts'
import { describeOn, type HeavyKind } from './kit.ts'

const system = 'debian-12'

const start = (kind: HeavyKind, options: EndpointOptions): Promise<Endpoint> =>
  startEndpoint({
    ...options,
    env: { ...process.env, BENCHAWAY_MACHINE: kind, BENCHAWAY_SYSTEM: system },
  })

describeOn(
  { kind: 'cloud-init', systems: [system] },
  'no process, namespace, mount or cgroup of a machine without systemd',
  () => {
    test('is left after kill -9 of the endpoint, in the middle of its boot', async () => {
      const endpoint = await start('cloud-init', { until: 'running' })
      await end(endpoint, 'SIGKILL')
      await expect.poll(() => left(endpoint.traces), patience).toEqual([])
    })
  },
)

describeOn(
  { kind: 'systemd', systems: [system] },
  'nothing is left of machines with systemd',
  () => {
    test('when close() has resolved, in the middle of their boot', async () => {
      const endpoint = await start('systemd', { until: 'running' })
      await end(endpoint, 'SIGTERM')
      expect(left(endpoint.traces)).toEqual([])
    })

    test('after kill -9 of one of two endpoints, whose other one goes on until a Ctrl-C that it does not answer', async () => {
      const [killed, other] = await Promise.all([
        start('systemd', { until: 'finished' }),
        start('systemd', { until: 'running', leads: true }),
      ])
      await end(killed, 'SIGKILL')
      await expect.poll(() => left(killed.traces), patience).toEqual([])
      expect(left(other.traces)).toContainEqual(expect.stringMatching(/^process .*runc/))
      // A terminal sends it to the whole process group.
      const { pid } = other.child
      if (pid === undefined) throw new Error('no process')
      process.kill(-pid, 'SIGINT')
      await other.over
      other.traces.endedAt = ticks()
      await expect.poll(() => left(other.traces), patience).toEqual([])
    })
  },
)

describeOn({ kind: 'systemd', systems: [system] }, 'a machine with systemd', () => {
  test("has a cgroup below its endpoint's, which goes with it, and that with the endpoint", async () => {
    const host = await openMachineHost('systemd')
    const of = (id: string): string[] =>
      cgroups().filter((path) => path.includes(`local-ec2-${process.pid}-`) && path.includes(id))
    const orders = [request(undefined), request(undefined)]
    const machines = orders.map((order) => boot(host, { ...order, system }))
    await Promise.all(machines.map(({ running }) => running))
    const [first, second] = orders.map(({ instanceId }) => instanceId)
    await expect.poll(() => of(`${first}/system.slice`).length, soon).toBeGreaterThan(1)
    await machines[0]?.powerOff()
    expect(of(first ?? '')).toEqual([])
    expect(of(second ?? '').length).toBeGreaterThan(0)
    await host.close()
    expect(of('')).toEqual([])
  })

  test('whose endpoint was killed together with what cleans up after it leaves its cgroup to the next start', async () => {
    const first = await openMachineHost('systemd')
    const own = cgroups().find((path) => path.includes(`/local-ec2-${process.pid}-`)) ?? ''
    await first.close()
    const abandoned = join(dirname(own), `local-ec2-${spawnSync('true').pid}-1`)
    mkdirSync(join(abandoned, 'i-1/system.slice'), { recursive: true })
    const next = await openMachineHost('systemd')
    await expect.poll(() => existsSync(abandoned), soon).toBe(false)
    await next.close()
  })
})
