/** The files of a machine as they are at a moment: where cloud-init writes, and where user-data does. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'

import type { Booted, Keys } from '../../machine/bench-kit.ts'

export interface Entry {
  type: 'file' | 'directory' | 'link' | 'other'
  /** Octal. */
  mode: string
  owner: string
  group: string
  /** Where a link leads, or what a file holds; bytes that are no text as their hash. */
  content: string
}

/** By path, without the first slash. */
export type Snapshot = ReadonlyMap<string, Entry>

/** Of cloud-init's own directory what it makes of user-data, and not what it notes for itself. */
const places = `etc home root opt srv tmp run var/mail var/spool var/lib/cloud/scripts
var/lib/cloud/instance/scripts/. var/lib/cloud/instance/boothooks/.`

/** What is different at every boot, whatever the user-data says; or belongs to what boots the machine. */
const volatile = `run/local-ec2 run/cloud-init run/systemd run/udev run/user run/log run/utmp run/lock run/sshd.pid
run/motd.dynamic run/dhclient.lease run/dhcpcd run/sudo run/sshd run/credentials run/dbus run/host run/initctl
run/network run/sendsigs.omit.d run/shm run/setrans run/ssh-unix-local run/agetty.reload
etc/.pwd.lock etc/passwd- etc/group- etc/shadow- etc/gshadow- etc/subuid- etc/subgid-
etc/machine-id etc/ld.so.cache etc/ssl etc/alternatives home/*/.sudo_as_admin_successful`

const command = `cd /
tar -c $(printf ' --exclude=./%s' ${volatile.replaceAll('\n', ' ').replaceAll('*', "'*'")}) --anchored \\
  $(for place in ${places.replaceAll('\n', ' ')}; do [ ! -e $place ] || echo ./$place; done) 2>/dev/null
since=$(($(date +%s) - $(cut -d. -f1 /proc/uptime) - 1))
tar -c -N @$since ./usr/local 2>/dev/null
true`

/** @param account who can log in and is root, or can be with sudo */
export async function snapshot(machine: Booted, keys: Keys, account: string): Promise<Snapshot> {
  const entries = readTar(
    await remote(machine, keys, account, `sudo -n sh -c '${command.replaceAll("'", `'\\''`)}'`),
  )
  if (!entries.has('etc/passwd')) throw new Error(`no files came from ${machine.privateIp}`)
  return entries
}

/** Logs in to whatever answers there: who that is is not the question here. */
export function remote(
  { publicIp, sshPort }: Booted,
  keys: Keys,
  account: string,
  line: string,
  input = '',
): Promise<Buffer> {
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'BatchMode=yes']
  options.push('IdentitiesOnly=yes', 'LogLevel=ERROR', 'ConnectTimeout=5')
  const args = ['-F', 'none', '-p', String(sshPort), '-i', keys.user]
  args.push(...options.flatMap((option) => ['-o', option]), `${account}@${publicIp}`, line)
  return new Promise((resolve, reject) => {
    const settings = { encoding: 'buffer', maxBuffer: 64 << 20 } as const
    const child = execFile('ssh', args, settings, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else
        reject(
          new Error(`${error.message}\n${stderr.toString()}\n${stdout.toString().slice(-2000)}`),
        )
    })
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}

const types: Readonly<Record<string, Entry['type']>> = {
  '0': 'file',
  '1': 'file',
  '2': 'link',
  '5': 'directory',
}

/** One archive after another, in GNU's format. */
function readTar(bytes: Buffer): Map<string, Entry> {
  const entries = new Map<string, Entry>()
  let longName: string | undefined
  let longLink: string | undefined
  for (let at = 0; at + 512 <= bytes.length;) {
    const header = bytes.subarray(at, at + 512)
    const field = (from: number, length: number): string =>
      header.toString('utf8', from, from + length).replace(/\0[^]*$/, '')
    at += 512
    // Between two archives.
    if (header[0] === 0) continue
    const size = Number.parseInt(field(124, 12), 8)
    const body = bytes.subarray(at, at + size)
    at += Math.ceil(size / 512) * 512
    const flag = field(156, 1)
    if (flag === 'L') longName = body.toString().replace(/\0$/, '')
    else if (flag === 'K') longLink = body.toString().replace(/\0$/, '')
    else {
      const path = (longName ?? field(0, 100)).replace(/^\.\//, '').replace(/(\/\.)?\/?$/, '')
      const target = longLink ?? field(157, 100)
      const twin = flag === '1' ? entries.get(target.replace(/^\.\//, ''))?.content : undefined
      entries.set(path.replace('/./', '/'), {
        type: types[flag] ?? 'other',
        mode: Number.parseInt(field(100, 8), 8).toString(8),
        owner: field(265, 32),
        group: field(297, 32),
        content: flag === '2' ? target : (twin ?? textOf(body)),
      })
      longName = longLink = undefined
    }
  }
  return entries
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return `bytes ${createHash('sha256').update(bytes).digest('hex')}`
  }
}
