/**
 * A cgroup for what systemd makes in its own: the kernel keeps it when its processes are gone, so somebody has to
 * outlive this process and remove it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join, posix } from 'node:path'

import { LocalEc2Error } from '../errors.ts'
import { words } from './words.ts'

export interface Cgroup {
  readonly path: string
  /** A command in front of another one, which then runs in the cgroup. */
  readonly within: readonly string[]
  /** Once all processes in it have ended. */
  remove(): Promise<void>
}

let count = 0

/** @throws {LocalEc2Error} `MACHINE_UNAVAILABLE` */
export function makeCgroup(): Cgroup {
  const above = ownCgroup()
  const path = join(above, `local-ec2-${process.pid}-${++count}`)
  try {
    removeAbandoned(above)
    mkdirSync(path)
  } catch (cause) {
    throw new LocalEc2Error(
      'MACHINE_UNAVAILABLE',
      `machines with systemd need a cgroup: ${String(cause)}`,
      {
        hint: "Start the container that this runs in with --privileged, or ask for 'cloud-init'.",
        cause,
      },
    )
  }
  // In a session of its own, which Ctrl-C does not reach; it hears of our end by the end of its input.
  const janitor = spawn('sh', ['-c', sweep, path], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  })
  janitor.unref()
  // It may be gone before us only when somebody ended it.
  janitor.stdin.on('error', () => {})
  return {
    path,
    within: ['sh', '-c', enter, path],
    async remove() {
      janitor.ref()
      janitor.stdin.end()
      if (janitor.exitCode === null && janitor.signalCode === null) await once(janitor, 'exit')
    },
  }
}

/** Whose process is gone, and the one that should have removed them as well. */
function removeAbandoned(above: string): void {
  for (const name of readdirSync(above)) {
    const pid = /^local-ec2-(\d+)-\d+$/.exec(name)?.[1]
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue
    const find = spawn('find', [join(above, name), ...emptyDirectories], { stdio: 'ignore' })
    // Where some process still lives in it, it stays for the next one to try.
    find.on('error', () => {})
  }
}

const emptyDirectories = words('-depth -type d -exec rmdir {} +')

const sweep = `read -r _
tries=0
while [ -d "$0" ] && [ $((tries += 1)) -le 300 ]; do
  find "$0" ${emptyDirectories.join(' ')} 2>/dev/null || sleep 0.1
done`

const enter = 'echo $$ >"$0/cgroup.procs" && exec "$@"'

/**
 * Of the hierarchy that systemd uses, where a process's own part is seen. A mount may begin below the top, as in a
 * container that shares its host's cgroup namespace.
 *
 * @param mounts a `/proc/PID/mountinfo`
 * @param cgroups a `/proc/PID/cgroup`
 * @returns `undefined` where it is not to be seen
 */
export function cgroupPath(mounts: string, cgroups: string): string | undefined {
  const own = /^0::(.*)$/m.exec(cgroups)?.[1]
  if (own === undefined) return undefined
  const all = mounts.split('\n').map(words)
  for (const fields of all.filter((each) => each[each.indexOf('-') + 1] === 'cgroup2')) {
    const [, , , root = '', place = ''] = fields
    const below = posix.relative(root, own)
    if (below !== '..' && !below.startsWith('../')) return join(place, below)
  }
  return undefined
}

function ownCgroup(): string {
  const [mounts, cgroups] = ['mountinfo', 'cgroup'].map((name) =>
    readFileSync(`/proc/self/${name}`, 'utf8'),
  )
  const path = cgroupPath(mounts ?? '', cgroups ?? '')
  if (path !== undefined) return path
  throw new LocalEc2Error(
    'MACHINE_UNAVAILABLE',
    'machines with systemd need cgroups of version 2',
    {
      hint: "Mount them (mount -t cgroup2 cgroup2 /sys/fs/cgroup), or ask for 'cloud-init'.",
    },
  )
}
