/** Whether this computer can hold machines, and of which kind; what it lacks is named with the command that brings it. */
import { accessSync, constants, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'

import { LocalEc2Error } from '../errors.ts'
import type { MachineKind } from './machine.ts'
import { words } from './words.ts'

/** Where the fabric looks, too: an ordinary user's PATH often has no sbin. */
export const programDirectories: readonly string[] = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
]

const packageOf: Readonly<Record<string, string>> = {
  find: 'findutils',
  flock: 'util-linux',
  ip: 'iproute2',
  mmdebstrap: 'mmdebstrap',
  newuidmap: 'uidmap',
  nsenter: 'util-linux',
  runc: 'runc',
  script: 'bsdutils',
  setpriv: 'util-linux',
  sshd: 'openssh-server',
  unshare: 'util-linux',
}

const ofAll = words('unshare setpriv ip runc')
const ofImages = words('newuidmap nsenter flock mmdebstrap')

/** Without what builds a root file system for `rootless`, where one that is built is all that is needed. */
const programs: Readonly<Record<Exclude<MachineKind, 'none'>, readonly string[]>> = {
  container: [...ofAll, ...words('find sshd')],
  rootless: [...ofAll, 'newuidmap'],
  'cloud-init': [...ofAll, ...ofImages],
  systemd: [...ofAll, ...ofImages, ...words('script find')],
}

/**
 * @returns the kind to use
 * @throws {LocalEc2Error} `MACHINE_UNAVAILABLE`, or `SSHD_MISSING` when that alone is missing
 */
export function chooseKind(
  wish: Exclude<MachineKind, 'none'> | 'auto',
): Exclude<MachineKind, 'none'> {
  if (process.platform !== 'linux') {
    throw new LocalEc2Error(
      'MACHINE_UNAVAILABLE',
      `local machines need Linux, and this is ${process.platform}`,
      { hint: 'Run this in a Linux virtual machine, or use real EC2.' },
    )
  }
  const isRoot = process.getuid?.() === 0
  if ((wish === 'container' || wish === 'systemd') && !isRoot) {
    throw new LocalEc2Error('MACHINE_UNAVAILABLE', `machines of kind '${wish}' need root`, {
      hint: `Run as root, or ask for '${wish === 'container' ? 'rootless' : 'cloud-init'}'.`,
    })
  }
  const kind = wish === 'auto' ? (isRoot ? 'container' : 'rootless') : wish
  needPrograms(programs[kind])
  if (kind !== 'container') {
    for (const file of ['/etc/subuid', '/etc/subgid']) needSubordinates(file)
  }
  return kind
}

/** @throws {LocalEc2Error} `MACHINE_UNAVAILABLE` or `SSHD_MISSING` */
export function needPrograms(names: readonly string[]): void {
  const missing = names.filter((name) => !isProgram(name))
  if (missing.length === 0) return
  const packages = [...new Set(missing.map((name) => packageOf[name] ?? name))].join(' ')
  const sudo = process.getuid?.() === 0 ? '' : 'sudo '
  throw new LocalEc2Error(
    missing.includes('sshd') && missing.length === 1 ? 'SSHD_MISSING' : 'MACHINE_UNAVAILABLE',
    `local machines need ${missing.join(', ')}, not found in ${programDirectories.join(':')}`,
    { hint: `Run: ${sudo}apt-get install -y ${packages}` },
  )
}

/** What to do where `unshare` said `complaint`. */
export function namespaceHint(complaint: string): string {
  if (complaint.includes('unrecognized option')) {
    return 'This needs util-linux 2.38 or later, as in Debian 12 and Ubuntu 24.04.'
  }
  return process.getuid?.() === 0
    ? 'Start the container that this runs in with --privileged.'
    : 'Run: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or start this as root.'
}

function isProgram(name: string): boolean {
  return programDirectories.some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** A user namespace needs 65536 ids that are this user's to give: sshd and apt run under several. */
function needSubordinates(file: string): void {
  const { username, uid } = userInfo()
  let lines: string[] = []
  try {
    lines = readFileSync(file, 'utf8').split('\n')
  } catch {
    // No file, no ids.
  }
  const has = lines.some((line) => {
    const [who, , count] = line.split(':')
    return (who === username || who === String(uid)) && Number(count) >= 65536
  })
  if (has) return
  const sudo = uid === 0 ? '' : 'sudo '
  throw new LocalEc2Error('MACHINE_UNAVAILABLE', `${file} gives user ${username} no 65536 ids`, {
    // Beyond those that other users are usually given.
    hint: `Run: ${sudo}usermod --add-subuids 1000000-1065535 --add-subgids 1000000-1065535 ${username}`,
  })
}
