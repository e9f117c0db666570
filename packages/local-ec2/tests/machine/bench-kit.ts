/** What the tests of machines share: keys, user-data, and OpenSSH's own client. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type {
  ImageSystem,
  Machine,
  MachineFacts,
  MachineHost,
  MachineKind,
  MachineRequest,
  Power,
} from '../../src/machine/machine.ts'

/** The kind under test: the same files run as root and again as an ordinary user. */
export const wantedKind = (process.env['BENCHAWAY_MACHINE'] ?? 'auto') as MachineKind | 'auto'

/** The image that machines of the kinds which boot images are launched with. */
const wantedSystem = (process.env['BENCHAWAY_SYSTEM'] ?? 'debian-12') as ImageSystem

/** Whether that boots the image's own cloud-init, whose words and files are its own. */
export const bootsImage: boolean = wantedKind === 'cloud-init' || wantedKind === 'systemd'

/** Whether it has the image's own systemd. */
export const hasSystemd: boolean = wantedKind === 'systemd'

/** For the name of a test that does not run on every kind: why not, where it does not. */
export const unless = (isMeant: boolean, reason: string): string =>
  isMeant ? ` (skipped: ${reason})` : ''

/** For what takes as long as a busy computer makes it take. */
export const soon: { timeout: number } = { timeout: bootsImage ? 50_000 : 20_000 }

export interface Keys extends Disposable {
  readonly folder: string
  readonly hostPrivate: string
  readonly hostPublic: string
  readonly userPublic: string
  /** Path of the private key that opens the machine. */
  readonly user: string
}

/** Makes a host key and a client key in a folder that goes with them. */
export function makeKeys(): Keys {
  const folder = mkdtempSync(join(tmpdir(), 'local-ec2-test-'))
  for (const name of ['host', 'user']) {
    const file = join(folder, name)
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file])
  }
  const text = (name: string): string => readFileSync(join(folder, name), 'utf8')
  return {
    folder,
    hostPrivate: text('host'),
    hostPublic: text('host.pub').trim(),
    userPublic: text('user.pub').trim(),
    user: join(folder, 'user'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** cloud-config that injects `keys`, followed by `more`. */
export function cloudConfig(keys: Keys, more = ''): string {
  const secret = keys.hostPrivate.trimEnd().replaceAll('\n', '\n    ')
  return `#cloud-config
ssh_deletekeys: true
ssh_keys:
  ed25519_private: |
    ${secret}
  ed25519_public: ${keys.hostPublic}
ssh_authorized_keys:
  - ${keys.userPublic}
${more}`
}

/** Parts of kinds that cloud-init knows, as the MIME text that carries them. */
export function mime(...parts: readonly (readonly [type: string, text: string])[]): string {
  const bodies = parts.map(
    ([type, text], index) =>
      `--==frontier\r\nContent-Type: ${type}; charset="utf-8"\r\nMIME-Version: 1.0\r\n` +
      `Content-Disposition: attachment; filename="${String(index).padStart(2, '0')}-part"\r\n\r\n${text}\r\n`,
  )
  return (
    'Content-Type: multipart/mixed; boundary="==frontier"\r\nMIME-Version: 1.0\r\n\r\n' +
    `${bodies.join('')}--==frontier--\r\n`
  )
}

let count = 0

/** A machine and its first boot. */
export type Booted = Machine & Power

export interface Order extends MachineRequest {
  facts: MachineFacts
}

export function request(userData: string | Uint8Array | undefined): Order {
  const number = (count++ & 0xff).toString(16).padStart(2, '0')
  const instanceId = `i-${process.pid.toString(16).padStart(15, '0')}${number}`
  return {
    instanceId,
    hostname: `ip-10-0-0-${number}`,
    defaultUser: 'admin',
    system: wantedSystem,
    facts: facts(
      number,
      typeof userData === 'string' ? new TextEncoder().encode(userData) : userData,
    ),
  }
}

function facts(number: string, userData: Uint8Array | undefined): MachineFacts {
  return {
    userData,
    keyPairs: [],
    metadata: {
      httpTokens: 'required',
      httpEndpoint: 'enabled',
      hopLimit: 1,
      instanceTags: 'disabled',
    },
    accountId: '000000000000',
    region: 'us-east-1',
    zone: { name: 'us-east-1a', id: 'use1-az1' },
    imageId: 'ami-0123456789abcdef0',
    instanceType: 'm7i.large',
    architecture: 'x86_64',
    reservationId: 'r-0123456789abcdef0',
    launchIndex: 0,
    launchTime: new Date(0),
    macAddress: `0a:00:00:00:00:${number}`,
    interfaceId: 'eni-0123456789abcdef0',
    securityGroups: [{ id: 'sg-0123456789abcdef0', name: 'default' }],
    vpc: { id: 'vpc-0123456789abcdef0', cidr: '198.18.0.0/22' },
    subnet: { id: 'subnet-0123456789abcdef0', cidr: '198.18.0.0/24' },
    tags: new Map(),
  }
}

export function boot(host: MachineHost, { facts: given, ...order }: Order): Booted {
  const machine = host.create(order)
  return Object.assign(machine, machine.boot(given))
}

/** Powers a machine on that was off, with what its `request` said unless told otherwise. */
export function bootAgain(machine: Booted, given: MachineFacts): Booted {
  return Object.assign(machine, machine.boot(given))
}

/** Resolves when its boot has come to an end `times` times. */
export async function finished(
  machine: Booted,
  times = 1,
  timeoutMs: number = soon.timeout,
): Promise<void> {
  const begin = performance.now()
  for (;;) {
    const seen = machine.console().split('local-ec2: boot finished').length - 1
    if (seen >= times) return
    if (performance.now() - begin > timeoutMs) throw new Error(machine.console())
    // A console has no event.
    await sleep(10)
  }
}

export interface SshResult {
  code: number
  stdout: string
  stderr: string
}

/** What OpenSSH is given to log in to the machine, knowing one host key and taking no other. */
export function sshArguments(machine: Booted, keys: Keys, user = 'admin'): string[] {
  const { publicIp, sshPort } = machine
  const known = join(keys.folder, `known_hosts-${publicIp}`)
  const host = sshPort === 22 ? publicIp : `[${publicIp}]:${sshPort}`
  writeFileSync(known, `${host} ${keys.hostPublic}\n`)
  const options = ['StrictHostKeyChecking=yes', `UserKnownHostsFile=${known}`, 'BatchMode=yes']
  const args = ['-F', 'none', '-p', String(sshPort), '-i', keys.user, '-o', 'IdentitiesOnly=yes']
  // A session with a machine that froze ends some time: nothing else would tell its client.
  options.push('ConnectTimeout=5', 'ServerAliveInterval=15', 'ServerAliveCountMax=1')
  for (const option of options) args.push('-o', option)
  return [...args, `${user}@${publicIp}`]
}

/** Runs `command` in the machine with OpenSSH. */
export function ssh(
  machine: Booted,
  keys: Keys,
  command: string,
  { user = 'admin', input = '' } = {},
): Promise<SshResult> {
  return new Promise((resolve) => {
    const args = [...sshArguments(machine, keys, user), command]
    // Not the synchronous form: as an ordinary user it is this process that accepts for the machine.
    const child = execFile('ssh', args, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
    })
    // A login that fails does not read.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}

/** Resolves when a login works. A machine that is off instead says why, with its console. */
export async function login(machine: Booted, keys: Keys): Promise<void> {
  const ended = machine.off.then((end) => {
    throw new Error(`${JSON.stringify(end)}\n${machine.console()}`)
  })
  ended.catch(() => {})
  await Promise.race([machine.running, ended])
  let failed = 0
  for (;;) {
    const { code, stderr } = await Promise.race([ssh(machine, keys, 'true'), ended])
    if (code === 0) return
    // No route: on a busy computer the kernel may give up its first ARP requests, which the machine did not hear.
    if (!/refused|closed|reset|No route|timed out/.test(stderr)) throw new Error(stderr)
    // Where a machine that boots lets nobody in yet, sshd 10 shuts out who comes again three times without a pause.
    const isTurnedAway = /closed by \S+ port/.test(stderr) && !stderr.includes('kex_exchange')
    if (isTurnedAway) await Promise.race([sleep(++failed < 3 ? 1000 : 5000), ended])
  }
}

export interface Question {
  method?: string
  path: string
  headers?: Readonly<Record<string, string>>
}

export interface HttpAnswer {
  status: number
  headers: Record<string, string>
  body: string
}

/** What the metadata service answers inside the machine; `undefined` where nobody does within two seconds. */
export async function askMetadata(
  machine: Booted,
  keys: Keys,
  questions: readonly Question[],
): Promise<(HttpAnswer | undefined)[]> {
  const lines = questions.map(({ method = 'GET', path, headers = {} }) => {
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\\r\\n`)
    const text = `${method} ${path} HTTP/1.1\\r\\nHost: 169.254.169.254\\r\\n${fields.join('')}\\r\\n`
    return `ask $'${text.replaceAll("'", String.raw`\'`)}'`
  })
  const script = `ask() {
  timeout 2 bash -c 'exec 3<>/dev/tcp/169.254.169.254/80 && printf %s "$1" >&3 && base64 -w0 <&3' - "$1"
  echo
}
${lines.join('\n')}
`
  const { stdout } = await ssh(machine, keys, 'bash -s 2>/dev/null', { input: script })
  const answers = stdout.split('\n').slice(0, questions.length)
  return answers.map((text) => (text === '' ? undefined : parse(Buffer.from(text, 'base64'))))
}

function parse(bytes: Buffer): HttpAnswer {
  const end = bytes.indexOf('\r\n\r\n')
  const [first = '', ...fields] = bytes.subarray(0, end).toString().split('\r\n')
  const headers = fields.map((line) => {
    const [name = '', ...rest] = line.split(': ')
    return [name.toLowerCase(), rest.join(': ')] as const
  })
  return {
    status: Number(first.split(' ')[1]),
    headers: Object.fromEntries(headers),
    body: bytes.subarray(end + 4).toString('latin1'),
  }
}

/** A token of the machine, which lives for a minute. */
export async function metadataToken(machine: Booted, keys: Keys): Promise<string> {
  const [answer] = await askMetadata(machine, keys, [
    {
      method: 'PUT',
      path: '/latest/api/token',
      headers: { 'X-aws-ec2-metadata-token-ttl-seconds': '60' },
    },
  ])
  if (answer?.status !== 200) throw new Error(`no token: ${JSON.stringify(answer)}`)
  return answer.body
}

/** Host keys that the machine presents at this moment; none while it does not listen. */
export async function presented(machine: Booted): Promise<string[]> {
  const { publicIp, sshPort } = machine
  if (!(await listens(publicIp, sshPort))) return []
  const args = ['-T', '1', '-p', String(sshPort), '-t', 'rsa,ecdsa,ed25519', publicIp]
  return new Promise((resolve) => {
    execFile('ssh-keyscan', args, (_, stdout) => {
      const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
      resolve(lines.map((line) => line.split(' ').slice(1, 3).join(' ')))
    })
  })
}

/** Whether somebody accepts there within a tenth of a second, which is long for one computer. */
export function listens(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, signal: AbortSignal.timeout(100) })
    socket.on('connect', () => resolve(true))
    socket.on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}
