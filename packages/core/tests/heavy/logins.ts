/** Handshakes and logins that take any host key and note it, which is what core never does. */
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import ssh2, { type Client } from 'ssh2'

import type { Booted } from '../../../local-ec2/tests/machine/bench-kit.ts'
import { fingerprint, privateText } from '../../src/keys/openssh.ts'
import type { KeyPair } from '../../src/keys/pair.ts'
import { TurnedAway } from '../../src/ssh/login.ts'
import { Pauses } from '../../src/ssh/pauses.ts'

/**
 * - `shown`: more than its host key was not wanted.
 * - `nobody`: nobody listens.
 * - `silent`: the connection was taken, and ended without a host key.
 * - `refused`: sshd does not know our client key.
 * - `turned away`: sshd knows it, and closed the connection, as it does while `/run/nologin` is there.
 */
export type Outcome = 'in' | 'shown' | 'nobody' | 'silent' | 'refused' | 'turned away'

export interface Login {
  /** Fingerprint of the key that the far side has proved to have. */
  readonly hostKey: string | undefined
  readonly outcome: Outcome
  /** When the far side answered, in milliseconds by `performance.now()`. */
  readonly at: number
  /** While it is logged in; whoever gets it ends it. */
  readonly client: Client | undefined
}

/** Most wanted first: of a host that has several keys a client sees the first that it asked for. */
const hostKeyTypes = {
  /** Ours comes last, so whatever else is there is seen. */
  others: [
    'rsa-sha2-512',
    'rsa-sha2-256',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'ssh-ed25519',
  ],
  /** As core asks. */
  ours: ['ssh-ed25519'],
} as const

export interface Knocker {
  readonly clientKey: KeyPair
  readonly asks: keyof typeof hostKeyTypes
  /**
   * Whether the proof of a host key is all that is wanted. A login costs a machine that boots several times as much.
   *
   * @default false
   */
  readonly onlyLooks?: boolean
}

/** Logs in once, or looks; a port that refuses connections has cost sshd nothing. */
export async function login(
  machine: Booted,
  { clientKey, asks, onlyLooks = false }: Knocker,
  answerMs: number = 20_000,
): Promise<Login> {
  const sock = await dial(machine.publicIp, machine.sshPort, answerMs)
  const at = performance.now()
  if (sock === undefined) return { hostKey: undefined, outcome: 'nobody', at, client: undefined }
  const client = new ssh2.Client()
  let hostKey: string | undefined
  return new Promise((resolve) => {
    const settle = (outcome: Outcome): void => {
      const isIn = outcome === 'in'
      if (!isIn) client.destroy()
      resolve({ hostKey, outcome, at, client: isIn ? client : undefined })
    }
    client.once('ready', () => settle('in'))
    // By then the far side has signed with its key.
    if (onlyLooks) client.once('handshake', () => settle('shown'))
    client.on('error', ({ level }) => {
      const isRefused = level === 'client-authentication'
      settle(isRefused ? 'refused' : hostKey === undefined ? 'silent' : 'turned away')
    })
    client.once('close', () => settle(hostKey === undefined ? 'silent' : 'turned away'))
    client.connect({
      sock,
      username: 'admin',
      privateKey: privateText(clientKey, ''),
      authHandler: ['publickey'],
      readyTimeout: 20_000,
      algorithms: { serverHostKey: [...hostKeyTypes[asks]] },
      hostVerifier: (key: Buffer): boolean => {
        hostKey = fingerprint(key)
        return true
      },
    })
  })
}

/** As seen from outside while a machine boots. */
export interface Watch {
  /** How often nobody listened before the first answer. */
  readonly knocks: number
  /** From the first answer on. */
  readonly logins: readonly Login[]
}

/**
 * Knocks twenty times a second until somebody answers, comes again and again until `isOver`, and once more then. Whoever
 * gets it ends the last login.
 */
export async function watch(
  machine: Booted,
  knocker: Knocker,
  isOver: (logins: readonly Login[]) => boolean,
): Promise<Watch> {
  let isOff = false
  void machine.off.then(() => {
    isOff = true
  })
  await Promise.race([machine.running, machine.off])
  const logins: Login[] = []
  let knocks = 0
  let pauseMs = 100
  const pauses = new Pauses()
  for (;;) {
    if (isOff) throw new Error(`it is off:\n${machine.console()}`)
    const over = isOver(logins)
    // A first packet that is lost is sent again a second later; who waits for that misses the first answer.
    const last = await login(machine, knocker, logins.length === 0 ? 500 : 20_000)
    // What stands in front of an ordinary user's machine takes connections that the machine then refuses.
    const isRelayed = machine.sshPort !== 22
    const isNobody = last.outcome === 'nobody' || (isRelayed && last.outcome === 'silent')
    if (logins.length === 0 && isNobody) {
      knocks++
      await sleep(50)
      continue
    }
    logins.push(last)
    if (over && (last.outcome === 'in' || last.outcome === 'shown')) return { knocks, logins }
    last.client?.end()
    if (last.outcome === 'turned away') {
      // As `connect()` does: sshd would shut us out.
      await sleep(pauses.after(new TurnedAway()))
      continue
    }
    // Soon at first, where a key would change; each login costs the machine as much as a step of its boot.
    const next = performance.now() + pauseMs
    while (performance.now() < next && !isOver(logins)) await sleep(20)
    pauseMs = Math.min(pauseMs * 3, 3000)
  }
}

/** `undefined` where nobody listens, or nobody answers in time. */
export function dial(
  host: string,
  port: number,
  answerMs: number,
): Promise<net.Socket | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, noDelay: true })
    const failed = (): void => {
      socket.destroy()
      resolve(undefined)
    }
    // An answer may have come while this process was busy: it is heard before what is immediate.
    socket.setTimeout(answerMs, () => setImmediate(() => socket.connecting && failed()))
    socket.once('error', failed)
    socket.once('connect', () => {
      socket.setTimeout(0)
      socket.off('error', failed)
      resolve(socket)
    })
  })
}
