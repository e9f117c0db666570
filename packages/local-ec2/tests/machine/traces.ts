/** What a process that holds machines has of this computer, and what is still there of it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { expect, onTestFinished } from 'vitest'

const entry = fileURLToPath(new URL('endpoint-process.ts', import.meta.url))

export interface Traces {
  /** Processes by id and start time: an id alone may be another process by now. */
  processes: string[]
  /** Such as `net:[4026532281]`, without those that this process is in. */
  namespaces: Set<string>
  id: string
  /** Of the process itself. */
  pid: number
  /** Names and numbers of the interfaces that lead to the machine; a number is never used twice. */
  interfaces: string[]
  /** Ticks since boot. */
  endedAt: number
}

const isRoot = process.getuid?.() === 0

// The kernel cleans up on its own, and soon.
export const patience = { timeout: 10_000 }

export interface Endpoint {
  child: ChildProcess
  traces: Traces
  over: Promise<unknown>
}

export interface EndpointOptions {
  /** @default that of this process */
  env?: NodeJS.ProcessEnv
  /**
   * Until when its one machine is waited for: its init runs, or its boot is finished.
   * @default two machines, one that runs and one that is stopped
   */
  until?: 'running' | 'finished'
  /** Whether it leads a process group of its own, as a command in a terminal does. */
  leads?: boolean
}

export async function startEndpoint(options: EndpointOptions = {}): Promise<Endpoint> {
  const { env = process.env, until, leads = false } = options
  const args = until === undefined ? [entry] : [entry, until]
  const child = spawn(process.execPath, args, {
    env,
    detached: leads,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const over = once(child, 'exit')
  // A test that fails half-way must not leave what it looks for; Vitest would wait for it, too.
  onTestFinished(() => void child.kill('SIGKILL'))
  const line = await createInterface(child.stdout)[Symbol.asyncIterator]().next()
  const { id, publicIp }: { id: string; publicIp: string } = JSON.parse(line.value ?? '')
  const traces = observe(child, id, publicIp)
  // Inside an init, its sleeper, sshd and who watches it; outside unshare, a shell, Node, unshare and runc.
  expect(traces.processes.length).toBeGreaterThanOrEqual(8)
  expect(traces.namespaces.size).toBeGreaterThanOrEqual(isRoot ? 8 : 0)
  expect(traces.interfaces).toHaveLength(isRoot ? 1 : 0)
  return { child, traces, over }
}

export async function end(
  { child, traces, over }: Endpoint,
  signal: NodeJS.Signals,
): Promise<void> {
  child.kill(signal)
  await over
  traces.endedAt = ticks()
}

function observe(child: ChildProcess, id: string, publicIp: string): Traces {
  const pids = descendants(child.pid ?? 0)
  const own = new Set(namespacesOf('self'))
  const namespaces = new Set(
    pids.flatMap((pid) => namespacesOf(String(pid))).filter((name) => !own.has(name)),
  )
  // A machine in 127/8 has none, and each of the others is led to by the first address of its range.
  const router = publicIp.replace(/\d+\.\d+$/, (rest) => `${Number(rest.split('.')[0]) & ~3}.1`)
  const interfaces = everyInterface().filter(({ address }) => address === router)
  return {
    processes: pids.map((pid) => `${pid} ${startOf(pid)}`),
    namespaces,
    id,
    pid: child.pid ?? 0,
    interfaces: interfaces.map(({ name }) => name),
    endedAt: Infinity,
  }
}

/** What is still there of it, each in words. */
export function left({
  processes,
  namespaces,
  id,
  pid: endpoint,
  interfaces,
  endedAt,
}: Traces): string[] {
  const alive = processes.filter((each) => {
    const pid = Number(each.split(' ')[0])
    return startOf(pid) === each.split(' ')[1]
  })
  // The kernel gives a namespace's number to the next one: who came later holds none of ours.
  const contemporaries = everyPid().filter((pid) => Number(startOf(pid)) <= endedAt)
  const inUse = new Set(contemporaries.flatMap((pid) => namespacesOf(String(pid))))
  const places = [
    '/run',
    '/tmp',
    tmpdir(),
    '/var/lib',
    '/var/run',
    '/dev/shm',
    '/run/netns',
    '/run/runc',
  ]
  const files = places.flatMap((place) => list(place).map((name) => join(place, name)))
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  const names = new Set(everyInterface().map(({ name }) => name))
  return [
    ...alive.map((each) => `process ${each} ${commandOf(each)}`),
    ...[...namespaces].filter((name) => inUse.has(name)).map((name) => `namespace ${name}`),
    ...mounts.filter(
      (line) => line.includes(id) || [...namespaces].some((name) => line.includes(name)),
    ),
    ...interfaces.filter((name) => names.has(name)),
    ...files.filter((path) => path.includes(id) || path.endsWith('/local-ec2')),
    ...cgroups().filter((path) => path.includes(id) || path.includes(`local-ec2-${endpoint}-`)),
  ]
}

/** Of all hierarchies, however deep. */
export function cgroups(below = '/sys/fs/cgroup'): string[] {
  return folders(below).flatMap((path) => [path, ...cgroups(path)])
}

function folders(path: string): string[] {
  try {
    const all = readdirSync(path, { withFileTypes: true })
    return all.filter((each) => each.isDirectory()).map(({ name }) => join(path, name))
  } catch {
    // Gone meanwhile.
    return []
  }
}

function everyInterface(): { name: string; address: string }[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) => {
    const number = readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8').trim()
    return addresses.map(({ address }) => ({ name: `${name} ${number}`, address }))
  })
}

function descendants(pid: number): number[] {
  const children = everyPid().filter((each) => parentOf(each) === pid)
  return children.flatMap((each) => [each, ...descendants(each)])
}

const everyPid = (): number[] => list('/proc').map(Number).filter(Number.isInteger)

/** Fields after the name, which stands in parentheses and may hold anything; empty for a zombie, which is only a number. */
function stat(pid: number): string[] {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return fields[0] === 'Z' ? [] : fields
  } catch {
    return []
  }
}

export const ticks = (): number => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 100
const parentOf = (pid: number): number => Number(stat(pid)[1])
const startOf = (pid: number): string | undefined => stat(pid)[19]

export function commandOf(process: string): string {
  try {
    return readFileSync(`/proc/${process.split(' ')[0]}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

function namespacesOf(pid: string): string[] {
  return list(`/proc/${pid}/ns`).flatMap((name) => {
    try {
      return [readlinkSync(`/proc/${pid}/ns/${name}`)]
    } catch {
      // Another user's, or gone.
      return []
    }
  })
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
