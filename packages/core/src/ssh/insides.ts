/**
 * What ssh2 can do and does not offer: it saves a round trip of each command and one of each login. All that we use of
 * its private parts is named here and in `swift-cipher.ts`, and its version is pinned for that reason
 * (`pnpm-workspace.yaml`).
 */
import type { Duplex } from 'node:stream'

import type { Client, ClientChannel } from 'ssh2'

import type { Pty } from './channels.ts'

interface Protocol {
  ping(): void
  authPK(user: string, key: PrivateKey, algorithm: string | undefined, sign?: Sign): void
  session(channel: number, windowBytes: number, packetBytes: number): void
  exec(channel: number, command: string, wantReply: boolean): void
  signal(channel: number, name: string): void
  pty(
    channel: number,
    rows: number,
    columns: number,
    height: number,
    width: number,
    term: string,
    modes: null,
    wantReply: boolean,
  ): void
}

interface PrivateKey {
  sign(data: Buffer): Buffer | Error
}

type Sign = (data: Buffer, done: (signature: Buffer) => void) => void

type Opened = ((error: Error | undefined, channel: ClientChannel) => void) & { type?: string }

interface ClientInsides {
  readonly _protocol: Protocol
  readonly _chanMgr: { add(opened: Opened): number }
  readonly _sock: Duplex
  /** Who waits for the answers to what is asked of the far side itself, in order. */
  readonly _callbacks: ((failed: boolean | Error) => void)[]
  /** Begins to count anew how often the far side was asked in vain whether it is there. */
  readonly _resetKA: () => void
}

interface ChannelInsides {
  readonly outgoing: { readonly id: number; readonly state: string }
  readonly _callbacks: ((failed: boolean | Error) => void)[]
  subtype?: string
}

// As ssh2 announces them for every channel.
const windowBytes = 2 * 1024 * 1024
const packetBytes = 32 * 1024

/**
 * Opens a channel for a command that comes later.
 *
 * @throws {Error} ssh2's, with sshd's `reason` when sshd has no more channels; also when the connection is lost
 */
export function openAhead(client: Client): Promise<ClientChannel> {
  const { _protocol: protocol, _chanMgr: channels } = insidesOf(client)
  return new Promise((resolve, reject) => {
    const opened: Opened = (error, channel) => {
      if (error) reject(error)
      else resolve(channel)
    }
    opened.type = 'session'
    const id = channels.add(opened)
    if (id < 0) reject(new Error('ssh2 has no free channel'))
    else protocol.session(id, windowBytes, packetBytes)
  })
}

/** Whether sshd has not closed a channel that was opened ahead. */
export function isOpen(channel: ClientChannel): boolean {
  return insidesOfChannel(channel).outgoing.state === 'open'
}

/**
 * Starts a command in a channel that was opened ahead. What it is to read goes after the answer: until then sshd allows
 * no input, and ssh2 holds it back.
 *
 * @param refused is called when sshd cannot start it, or is gone before it has said so
 */
export function execIn(
  client: Client,
  channel: ClientChannel,
  command: string,
  refused: () => void,
): void {
  const { _protocol: protocol } = insidesOf(client)
  const inside = insidesOfChannel(channel)
  const { outgoing: wire, _callbacks: answers } = inside
  const { id } = wire
  inside.subtype = 'exec'
  answers.push((failed) => {
    if (failed !== false) refused()
  })
  protocol.exec(id, command, true)
}

/** Asks for a terminal for the command that comes next. @returns whether there is one */
export function hasTerminal(client: Client, channel: ClientChannel, pty: Pty): Promise<boolean> {
  const { columns = 80, rows = 24, term = 'xterm-256color' } = pty
  const { _protocol: protocol } = insidesOf(client)
  const { outgoing: wire, _callbacks: answers } = insidesOfChannel(channel)
  return new Promise((resolve) => {
    answers.push((failed) => resolve(failed === false))
    protocol.pty(wire.id, rows, columns, 0, 0, term, null, true)
  })
}

/** As the channel's own `signal()`, which does nothing any more once its input has ended. */
export function signalIn(client: Client, channel: ClientChannel, name: string): void {
  const { _protocol: protocol } = insidesOf(client)
  const { outgoing: wire } = insidesOfChannel(channel)
  if (wire.state === 'open' || wire.state === 'eof') protocol.signal(wire.id, name)
}

/**
 * Makes a login that has just begun a round trip shorter: it is signed at once, instead of asking first whether the key
 * would do. To ask for it together with the service that does logins would save another one, and cost more: sshd sends
 * both answers by Nagle's algorithm, so the second waits for a delayed acknowledgement of the first.
 */
export function hurryLogin(client: Client): void {
  const { _protocol: protocol } = insidesOf(client)
  const authPK = protocol.authPK.bind(protocol)
  protocol.authPK = (user, key, algorithm, sign = signWith(key)) =>
    authPK(user, key, algorithm, sign)
}

/**
 * Takes whatever comes for a sign of life, not only answers to that question: behind a slow line they wait until all
 * that was sent before has arrived.
 */
export function hearAnything(client: Client): void {
  const { _sock: socket, _resetKA: reset } = insidesOf(client)
  socket.on('data', reset)
}

/** Asks the far side whether it is there. What it had sent before is no answer. */
export function askWhetherThere(client: Client, answered: () => void): void {
  const { _callbacks: answers, _protocol: protocol } = insidesOf(client)
  answers.push((failed) => {
    // ssh2 settles what is open with an error when the connection is lost.
    if (!(failed instanceof Error)) answered()
  })
  protocol.ping()
}

/** What the connection runs over; right after `connect()` nothing was read from it yet, and it is paused. */
export function socketOf(client: Client): Duplex {
  const { _sock: socket } = insidesOf(client)
  return socket
}

function signWith(key: PrivateKey): Sign {
  return (data, done) => {
    const signature = key.sign(data)
    if (signature instanceof Error) throw signature
    done(signature)
  }
}

function insidesOf(client: Client): ClientInsides {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- private, and checked by tests for the pinned version
  return client as unknown as ClientInsides
}

function insidesOfChannel(channel: ClientChannel): ChannelInsides {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- private, and checked by tests for the pinned version
  return channel as unknown as ChannelInsides
}
