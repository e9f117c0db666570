/**
 * The process that holds the machines.
 *
 * The shell that started it is process 1 of a pid namespace, and both live in a mount and a network namespace
 * of their own: whatever the reason for their end, the kernel removes every machine, mount, file and interface.
 * It ends when the endpoint's process does.
 */
import { mkdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import { availableParallelism } from 'node:os'

import { MetadataService } from '../imds/service.ts'
import { Container, type Surroundings } from './container.ts'
import type { Contents } from './contents.ts'
import { Disk } from './disk.ts'
import { Gate } from './gate.ts'
import { imageContents } from './image.ts'
import { join } from './join.ts'
import { makeLayers } from './layers.ts'
import { connectRouter, makeBridge, metadataAddress } from './network.ts'
import type {
  BootOrder,
  FabricPlan,
  FromFabric,
  Knowledge,
  Preparation,
  ToFabric,
} from './protocol.ts'
import { run } from './run.ts'

const plan: FabricPlan = JSON.parse(process.argv[2] ?? '')
const containers = new Map<string, Container>()
const disks = new Map<string, Disk>()
let diskCount = 0
const metadata = new MetadataService()
/** A boot that takes longer is a machine's own doing, and does not keep others waiting. */
const longestBootMs = 10_000
let made: { layers: Contents | undefined; surroundings: Surroundings } | undefined
/** By the root of the image. */
const images = new Map<string, Contents>()

/** @param sent called when it is on its way, which an endpoint that is busy delays */
function tell(message: FromFabric, sent: () => void = () => {}): void {
  // A send that fails means that the channel is gone, and then so are we.
  process.send?.(message, undefined, undefined, sent)
}

process.on('disconnect', () => process.exit())

async function makeRoom(): Promise<void> {
  // Over /run: a directory that is everywhere, so that none has to be made on this computer. Its mode keeps
  // out whoever enters this namespace without being root.
  await run('mount', ['-t', 'tmpfs', '-o', 'mode=700,nodev', 'local-ec2', '/run'])
  for (const name of ['layers', 'machines', 'disks', 'runc', 'netns', 'userns'])
    mkdirSync(`/run/${name}`)
  await Promise.all([mountCgroups(), makeBridge()])
  await metadata.listen(metadataAddress)
}

async function prepare({ hide, wiring }: Preparation): Promise<void> {
  await room
  const [layers, guarded] = await Promise.all([
    plan.base === undefined
      ? undefined
      : makeLayers({ base: plan.base, guest: plan.guest }, hide, '/run/layers'),
    connectRouter(wiring),
  ])
  const gate = new Gate(2 * availableParallelism(), longestBootMs)
  made = { layers, surroundings: { plan, wiring, gate } }
  tell({ type: 'ready', guarded })
}

function obey(message: ToFabric, socket: Socket | undefined): void {
  if (message.type === 'prepare') prepare(message.preparation).catch(fail)
  else if (message.type === 'boot') boot(message.order)
  else if (message.type === 'off') containers.get(message.id)?.unplug()
  else if (message.type === 'shut-down') containers.get(message.id)?.shutDown()
  else if (message.type === 'reboot') containers.get(message.id)?.reboot()
  else if (message.type === 'learn') learn(message.knowledge)
  else if (message.type === 'trouble') {
    void answer(message, (container) => container.trouble(message.what))
  } else if (message.type === 'link') {
    void answer(message, (container) => container.link(message.conditions))
  }
  // A disk that stays is memory until the fabric's end, and no reason for it.
  else if (message.type === 'discard') discard(message.id).catch(() => {})
  else if (socket !== undefined) join(socket, message.address)
}

function boot(order: BootOrder): void {
  const { id, address, knowledge } = order
  // Nobody orders a machine before `ready`.
  if (made === undefined) return
  const disk =
    disks.get(id) ?? new Disk(`/run/disks/${++diskCount}`, contentsFor(order, made.layers))
  disks.set(id, disk)
  metadata.learn(knowledge)
  const container = new Container(made.surroundings, `/run/machines/${id}`, disk, order, {
    running: () => tell({ type: 'running', id }),
    console: (text) => new Promise((sent) => tell({ type: 'console', id, text }, sent)),
  })
  containers.set(id, container)
  void container.live().then((end) => {
    containers.delete(id)
    metadata.forget(address)
    tell({ type: 'off', id, end })
  })
}

/** What the order's disk starts with: the same for all of a fabric that has a base, one for each image otherwise. */
function contentsFor({ image }: BootOrder, layers: Contents | undefined): Contents {
  if (layers !== undefined) return layers
  const root = image?.root ?? ''
  const contents = images.get(root) ?? imageContents(root, plan, `/run/layers/${images.size}`)
  images.set(root, contents)
  return contents
}

function learn(knowledge: Knowledge): void {
  const container = containers.get(knowledge.instanceId)
  if (container === undefined) return
  metadata.learn(knowledge)
  // What it answers does not depend on whether the kernel takes the number.
  container.setHopLimit(knowledge.facts.metadata.hopLimit).catch(() => {})
}

async function answer(
  { id, number }: { id: string; number: number },
  work: (container: Container) => Promise<void>,
): Promise<void> {
  try {
    const container = containers.get(id)
    if (container !== undefined) await work(container)
    tell({ type: 'answered', number })
  } catch (error) {
    tell({ type: 'answered', number, failure: wordsOf(error) })
  }
}

async function discard(id: string): Promise<void> {
  const disk = disks.get(id)
  disks.delete(id)
  await disk?.remove()
}

/**
 * What runc sees of control groups. systemd cannot do without: the endpoint's process has put this one into a cgroup
 * that is the root of its cgroup namespace, and removes it afterwards.
 *
 * The other machines stay in the cgroup of whoever started the endpoint, under its limits, and make none of their own:
 * a cgroup is a directory that would outlive this process. runc goes on without when it may not make one.
 */
async function mountCgroups(): Promise<void> {
  // Inside a user namespace of an ordinary user it may not anyway; root, of whatever namespace, may where they are his.
  if (plan.init === 'own' && plan.rootless) return
  if (!plan.rootless) {
    await run('umount', ['--recursive', '--lazy', '/sys/fs/cgroup']).catch(() => {})
  }
  await run('mount', ['-t', 'cgroup2', 'cgroup', '/sys/fs/cgroup'])
  if (plan.init === 'systemd') return
  await run('mount', ['-o', 'remount,bind,ro', '/sys/fs/cgroup'])
}

function fail(error: unknown): void {
  tell({ type: 'failed', message: wordsOf(error) })
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const room = makeRoom()
room.catch(fail)
process.on('message', obey)
tell({ type: 'hello' })
