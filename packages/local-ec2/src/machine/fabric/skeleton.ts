/**
 * The part of a machine's files that is its own from the start: an empty Linux root, and who lives there.
 *
 * All of it is written before a process of the machine exists: later a path below could lead anywhere.
 */
import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { words } from '../words.ts'
import { accounts } from './accounts.ts'
import { isDirectory, read } from './files.ts'
import type { BootOrder } from './protocol.ts'

const directories = words(`
  boot dev etc home media mnt opt proc run srv sys usr
  var var/backups var/cache var/cache/apt var/cache/apt/archives var/cache/debconf var/lib var/lib/cloud
  var/local var/log var/log/apt var/mail var/opt var/spool
`)

const special: readonly (readonly [path: string, mode: number])[] = [
  ['root', 0o700],
  ['tmp', 0o1777],
  ['var/tmp', 0o1777],
]

/**
 * Makes `root` the root of a machine, and `etc` the topmost layer of its `/etc`.
 *
 * @param links top-level symlinks such as `bin` to `usr/bin`
 */
export function makeSkeleton(
  root: string,
  etc: string,
  order: BootOrder,
  base: string,
  { tops, links }: { tops: readonly string[]; links: ReadonlyMap<string, string> },
): void {
  for (const [path, mode] of [...directories.map((name) => [name, 0o755] as const), ...special]) {
    mkdirSync(join(root, path), { recursive: true })
    chmodSync(join(root, path), mode)
  }
  for (const path of tops) mkdirSync(join(root, path), { recursive: true })
  for (const [name, target] of links) symlinkSync(target, join(root, name))
  symlinkSync('/run', join(root, 'var/run'))
  symlinkSync('/run/lock', join(root, 'var/lock'))
  // Where `last` looks; sshd writes them only where they exist.
  for (const name of ['wtmp', 'btmp', 'lastlog']) write(join(root, 'var/log', name), '', 0o644)
  makeIdentity(etc, order, base)
  makeHomes(root, order.defaultUser, base)
}

/** Fills an empty `/run`, which a machine has anew at every boot, with what systemd has to find there. */
export function makeRunForSystemd(run: string): void {
  mkdirSync(join(run, 'host'))
  // How systemd learns that it is in a container; by its environment cloud-init would learn it, too.
  write(join(run, 'host/container-manager'), 'runc\n', 0o644)
}

/** The same for a machine that our init boots. */
export function makeRun(run: string, { payloads, script }: BootOrder): void {
  for (const name of ['lock', 'sshd', 'local-ec2']) mkdirSync(join(run, name), { mode: 0o755 })
  // Where `who` looks.
  write(join(run, 'utmp'), '', 0o644)
  const payload = join(run, 'local-ec2/payload')
  mkdirSync(payload, { mode: 0o700 })
  for (const [number, bytes] of payloads.entries()) {
    write(join(payload, String(number)), bytes, 0o600)
  }
  write(join(run, 'local-ec2/boot'), script, 0o700)
}

function makeIdentity(etc: string, order: BootOrder, base: string): void {
  const { hostname, address, defaultUser } = order
  const { passwd, group, shadow, gshadow } = accounts(
    {
      passwd: read(join(base, '/etc/passwd')) ?? '',
      group: read(join(base, '/etc/group')) ?? '',
    },
    defaultUser,
  )
  mkdirSync(join(etc, 'sudoers.d'), { mode: 0o750 })
  write(join(etc, 'passwd'), passwd, 0o644)
  write(join(etc, 'group'), group, 0o644)
  write(join(etc, 'shadow'), shadow, 0o600)
  write(join(etc, 'gshadow'), gshadow, 0o600)
  write(
    join(etc, 'sudoers.d/90-cloud-init-users'),
    `${defaultUser} ALL=(ALL) NOPASSWD:ALL\n`,
    0o440,
  )
  write(join(etc, 'hostname'), `${hostname}\n`, 0o644)
  write(join(etc, 'hosts'), `127.0.0.1 localhost\n::1 localhost\n${address} ${hostname}\n`, 0o644)
  write(join(etc, 'machine-id'), `${crypto.randomUUID().replaceAll('-', '')}\n`, 0o444)
}

function makeHomes(root: string, user: string, base: string): void {
  const skel = join(base, 'etc/skel')
  for (const [home, id] of [
    [join(root, 'home', user), 1000],
    [join(root, 'root'), 0],
  ] as const) {
    mkdirSync(home, { recursive: true, mode: 0o750 })
    if (isDirectory(skel)) cpSync(skel, home, { recursive: true })
    mkdirSync(join(home, '.ssh'), { mode: 0o700 })
    for (const path of [home, ...readdirSync(home).map((name) => join(home, name))])
      chownSync(path, id, id)
  }
}

function write(path: string, content: string | Uint8Array, mode: number): void {
  writeFileSync(path, content)
  // The mode given at creation would be cut by the umask.
  chmodSync(path, mode)
}
