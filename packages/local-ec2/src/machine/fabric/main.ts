/**
 * The process that holds the machines.
 *
 * The shell that started it is process 1 of a pid namespace, and both live in a mount and a network namespace
 * of their own: whatever the reason for their end, the kernel removes every machine, mount, file and interface.
 * It ends when the endpoint's process does.
 */
import { mkdirSync } from 'node:fs'
import type { Socket } from 'node:net'

import { Container } from './container.ts'
import { join } from './join.ts'
import { type Layers, makeLayers } from './layers.ts'
import { joinUplink, makeBridge } from './network.ts'
import type { BootOrder, FabricPlan, FromFabric, Preparation, ToFabric } from './protocol.ts'
import { run } from './run.ts'

const plan: FabricPlan = JSON.parse(process.argv[2] ?? '')
const containers = new Map<string, Container>()
let layers: Layers | undefined

function tell(message: FromFabric): void {
  // A send that fails means that the channel is gone, and then so are we.
  process.send?.(message, undefined, undefined, () => {})
}

process.on('disconnect', () => process.exit())

async function makeRoom(): Promise<void> {
  // Over /run: a directory that is everywhere, so that none has to be made on this computer. Its mode keeps
  // out whoever enters this namespace without being root.
  await run('mount', ['-t', 'tmpfs', '-o', 'mode=700,nodev', 'local-ec2', '/run'])
  for (const name of ['layers', 'machines', 'runc', 'netns']) mkdirSync(`/run/${name}`)
  await Promise.all([withoutCgroups(), makeBridge(plan.address)])
}

async function prepare({ hide, uplink }: Preparation): Promise<void> {
  await room
  const [made, guarded] = await Promise.all([
    makeLayers(plan, hide, '/run/layers'),
    uplink ? joinUplink() : true,
  ])
  layers = made
  tell({ type: 'ready', guarded })
}

function obey(message: ToFabric, socket: Socket | undefined): void {
  if (message.type === 'prepare') prepare(message.preparation).catch(fail)
  else if (message.type === 'boot') boot(message.order)
  else if (message.type === 'off') containers.get(message.id)?.unplug()
  else if (socket !== undefined) join(socket, message.address)
}

function boot(order: BootOrder): void {
  const { id } = order
  // Nobody orders a machine before `ready`.
  if (layers === undefined) return
  const container = new Container(plan, layers, `/run/machines/${id}`, order, {
    running: () => tell({ type: 'running', id }),
    console: (text) => tell({ type: 'console', id, text }),
  })
  containers.set(id, container)
  void container.live().then((end) => {
    containers.delete(id)
    tell({ type: 'off', id, end })
  })
}

/**
 * Machines stay in the cgroup of whoever started the endpoint, under its limits, and make none of their own:
 * a cgroup is a directory that would outlive this process. runc goes on without when it may not make one.
 */
async function withoutCgroups(): Promise<void> {
  if (plan.rootless) return
  await run('umount', ['--recursive', '--lazy', '/sys/fs/cgroup']).catch(() => {})
  await run('mount', ['-t', 'cgroup2', 'cgroup', '/sys/fs/cgroup'])
  await run('mount', ['-o', 'remount,bind,ro', '/sys/fs/cgroup'])
}

function fail(error: unknown): void {
  tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) })
}

const room = makeRoom()
room.catch(fail)
process.on('message', obey)
tell({ type: 'hello' })
