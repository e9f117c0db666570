/** The Debians that machines inside a user namespace are made of: built once, kept in the user's cache. */
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'

import { LocalEc2Error } from '../errors.ts'
import { debianRelease, hostRelease } from './apt-sources.ts'
import { type Recipe, bootstrap, recipeOf } from './bootstrap.ts'
import { markAsUsed, tidyCache } from './image-cache.ts'
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

const codenames: Record<ImageSystem, string> = { 'debian-12': 'bookworm', 'debian-13': 'trixie' }

/**
 * The Debian or Ubuntu of this computer.
 *
 * @returns an unpacked root file system, whose owners only make sense in this user's own user namespace
 * @throws {LocalEc2Error} `ROOTFS_FAILED`, or `MACHINE_UNAVAILABLE` when it cannot be built here at all
 */
export async function prepareRootfs(): Promise<string> {
  return prepare('rootfs', recipeOf(hostRelease(), ofRootless))
}

/**
 * As an image has it, with systemd and cloud-init.
 *
 * @param signal says that nobody waits any more: without others who do, the building ends
 * @returns as `prepareRootfs()`
 * @throws {LocalEc2Error} as `prepareRootfs()`
 */
export async function prepareImage(system: ImageSystem, signal?: AbortSignal): Promise<string> {
  return prepare('image', recipeOf(debianRelease(codenames[system]), ofImages), signal)
}

async function prepare(what: string, recipe: Recipe, signal?: AbortSignal): Promise<string> {
  const cache = resolve(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'benchaway')
  const maker = { recipe, arch: process.arch, ids: subordinates() }
  const hash = createHash('sha256').update(JSON.stringify(maker)).digest('hex').slice(0, 16)
  const finished = join(cache, `${what}-${recipe.codename}-${hash}`)
  makeCache(cache, recipe.codename)
  markAsUsed(finished)
  await tidyCache(cache)
  signal?.throwIfAborted()
  if (existsSync(finished)) return finished

  needPrograms(['mmdebstrap', 'flock'])
  await buildOnce(finished, recipe, signal)
  return finished
}

/** For this user alone: what is in it has set-user-ID programs, and places where everybody may write. */
function makeCache(cache: string, codename: string): void {
  try {
    mkdirSync(cache, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new LocalEc2Error(
      'ROOTFS_FAILED',
      `Debian ${codename} has no place in ${cache}: ${String(cause)}`,
      { hint: 'Set XDG_CACHE_HOME to a directory that may be written.', cause },
    )
  }
  try {
    // One that somebody else has made is as he wants it.
    if (statSync(cache).uid === process.getuid?.()) chmodSync(cache, 0o700)
  } catch {
    // It can only be read.
  }
}

interface Building {
  done: Promise<void>
  waiting: number
  stop: AbortController
}

/** What this process is building. */
const buildings = new Map<string, Building>()

async function buildOnce(finished: string, recipe: Recipe, signal?: AbortSignal): Promise<void> {
  const building = buildings.get(finished) ?? begin(finished, recipe)
  building.waiting++
  const left = Promise.withResolvers<never>()
  function leave(): void {
    if (--building.waiting > 0) {
      left.reject(signal?.reason)
      return
    }
    // Whoever comes now needs one that is not being ended.
    if (buildings.get(finished) === building) buildings.delete(finished)
    building.stop.abort(signal?.reason)
  }
  signal?.addEventListener('abort', leave, { once: true })
  try {
    await Promise.race([building.done, left.promise])
  } finally {
    signal?.removeEventListener('abort', leave)
  }
}

function begin(finished: string, recipe: Recipe): Building {
  const stop = new AbortController()
  const building = { done: bootstrap(finished, recipe, stop.signal), waiting: 0, stop }
  buildings.set(finished, building)
  const isOver = (): void => {
    if (buildings.get(finished) === building) buildings.delete(finished)
  }
  building.done.then(isOver, isOver)
  return building
}

/** With other subordinate ids the files of an earlier build would belong to nobody. */
function subordinates(): string {
  const { username, uid } = userInfo()
  const mine = new RegExp(`^(${username}|${uid}):.*`, 'gm')
  return ['/etc/subuid', '/etc/subgid'].map((file) => readFileSync(file, 'utf8').match(mine)).join()
}
