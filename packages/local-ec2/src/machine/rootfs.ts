/** The Debians that machines inside a user namespace are made of: built once by mmdebstrap, kept in the user's cache. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

import { LocalEc2Error } from '../errors.ts'
import { type Release, debianRelease, hostRelease } from './apt-sources.ts'
import type { ImageSystem } from './machine.ts'
import { needPrograms } from './probe.ts'
import { words } from './words.ts'

const ofRootless = words(`
  openssh-server sudo iproute2 iputils-ping procps tar gzip ca-certificates util-linux findutils mount
`)

/** Of what Debian's images on EC2 hold: what boots, logs in and applies user-data. */
const ofImages = words(`
  systemd systemd-sysv libpam-systemd dbus udev openssh-server sudo cloud-init locales iproute2 iputils-ping ifupdown
  netbase procps tar gzip ca-certificates util-linux findutils mount
`)

/** Changes when what is built from the same sources changes. */
const recipe = 2

const codenames: Record<ImageSystem, string> = { 'debian-12': 'bookworm', 'debian-13': 'trixie' }

/**
 * The Debian or Ubuntu of this computer.
 *
 * @returns an unpacked root file system, whose owners only make sense in this user's own user namespace
 * @throws {LocalEc2Error} `ROOTFS_FAILED`
 */
export function prepareRootfs(): Promise<string> {
  return prepare('rootfs', hostRelease(), ofRootless)
}

const prepared = new Map<ImageSystem, Promise<string>>()

/**
 * As an image has it, with systemd and cloud-init.
 *
 * @returns as `prepareRootfs()`
 * @throws {LocalEc2Error} `ROOTFS_FAILED`
 */
export function prepareImage(system: ImageSystem): Promise<string> {
  const before = prepared.get(system)
  if (before !== undefined) return before
  const now = prepare('image', debianRelease(codenames[system]), ofImages)
  prepared.set(system, now)
  // What failed may work the next time.
  now.catch(() => prepared.delete(system))
  return now
}

async function prepare(
  what: string,
  release: Release,
  packages: readonly string[],
): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'benchaway')
  const maker = { recipe, release, packages, arch: process.arch, ids: subordinates() }
  const hash = createHash('sha256').update(JSON.stringify(maker)).digest('hex').slice(0, 16)
  const finished = join(cache, `${what}-${release.codename}-${hash}`)
  mkdirSync(cache, { recursive: true })
  await removeAbandoned(cache)
  if (existsSync(finished)) return finished

  needPrograms(['mmdebstrap'])
  if (await builtByAnother(finished)) return finished
  const half = `${finished}.${process.pid}-${startOf(process.pid)}`
  mkdirSync(half)
  try {
    await build(release, packages, half)
    // The first to finish wins; what the other has built is as good.
    if (!existsSync(finished)) renameSync(half, finished)
  } finally {
    if (existsSync(half)) await remove(half)
  }
  return finished
}

async function build(
  { codename, lines }: Release,
  packages: readonly string[],
  directory: string,
): Promise<void> {
  process.stderr.write(
    `local-ec2: building Debian ${codename} for machines in ${directory}: once, about 30 s\n`,
  )
  const make = spawn(
    'mmdebstrap',
    [
      '--mode=unshare',
      '--variant=minbase',
      '--format=tar',
      '--quiet',
      `--include=${packages.join(',')}`,
      // An image has no host keys, and what people read is not read in a machine.
      '--customize-hook=rm -f "$1"/etc/ssh/ssh_host_*',
      ...['doc', 'man', 'info', 'locale'].map(
        (name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`,
      ),
      codename,
      '-',
      ...lines,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C.UTF-8' } },
  )
  // Devices come with each machine; the rest is what nothing in a machine reads.
  const skip = ['./dev/*', './boot/*', './var/cache/apt/archives/*'].map(
    (path) => `--exclude=${path}`,
  )
  const unpack = inUserNamespace(
    ['tar', '-C', directory, '-xp', '--numeric-owner', ...skip],
    make.stdout,
  )
  let complaint = ''
  for (const child of [make, unpack]) {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-4096)
    })
  }
  const codes = await Promise.all([make, unpack].map(ended))
  if (codes.every((code) => code === 0)) return
  throw new LocalEc2Error(
    'ROOTFS_FAILED',
    `mmdebstrap and tar ended with ${codes.join(' and ')}: ${complaint.trim()}`,
    { hint: 'Check that the package sources in /etc/apt are reachable.' },
  )
}

/** Runs a command as root of this user's namespace, who owns what this user and his subordinates own. */
function inUserNamespace(command: readonly string[], input?: Readable): ChildProcess {
  const args = ['--user', '--map-root-user', '--map-auto', '--', ...command]
  const child = spawn('unshare', args, { stdio: ['pipe', 'ignore', 'pipe'] })
  // A side that ends early is told by its exit code.
  child.stdin.on('error', () => {})
  if (input === undefined) child.stdin.end()
  else input.pipe(child.stdin)
  return child
}

function ended(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing'))
  })
}

async function remove(directory: string): Promise<void> {
  await ended(inUserNamespace(['rm', '-rf', '--', directory]))
}

/** Half-built ones, whose names say who builds them. */
function halves(cache: string): { path: string; isAlive: boolean }[] {
  return readdirSync(cache).flatMap((name) => {
    const builder = /^(?:rootfs|image)-.*\.(\d+)-(\d+)$/.exec(name)
    if (builder === null) return []
    const isAlive = startOf(Number(builder[1])) === builder[2]
    return [{ path: join(cache, name), isAlive }]
  })
}

/** What builders left that were killed: this is all that an endpoint can leave on a disk. */
export async function removeAbandoned(cache: string): Promise<void> {
  for (const { path, isAlive } of halves(cache)) if (!isAlive) await remove(path)
}

async function builtByAnother(finished: string): Promise<boolean> {
  const isBeingBuilt = (): boolean =>
    halves(dirname(finished)).some(({ path, isAlive }) => isAlive && path.startsWith(finished))
  // Another process's work has no event here.
  while (!existsSync(finished) && isBeingBuilt()) await sleep(200)
  return existsSync(finished)
}

/** When a process started, in ticks since boot; with its id that names it for ever. */
function startOf(pid: number): string | undefined {
  try {
    // The second field is a name in parentheses, which may hold anything.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19]
  } catch {
    return undefined
  }
}

/** With other subordinate ids the files of an earlier build would belong to nobody. */
function subordinates(): string {
  const { username, uid } = userInfo()
  const mine = new RegExp(`^(${username}|${uid}):.*`, 'gm')
  return ['/etc/subuid', '/etc/subgid'].map((file) => readFileSync(file, 'utf8').match(mine)).join()
}
