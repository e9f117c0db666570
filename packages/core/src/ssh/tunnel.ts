import net from 'node:net'

import { checkOptions, isText, isWhole, type OptionRule } from '../check-options.ts'
import { BenchawayError } from '../errors.ts'
import type { Connection } from './connection.ts'
import { keepListening } from './far-port.ts'
import { type Destination, dial } from './forward.ts'
import { openPassage, type Passage } from './passage.ts'
import { dialHere, listenHere } from './sockets.ts'

export interface TunnelBetweenOptions {
  /**
   * Where the tunnel leads, as seen from the end that does not listen: a port of 127.0.0.1, a port of another host, or
   * the path of a socket, such as `{ path: '/run/docker.sock' }`.
   */
  to: number | Destination
  /** The port that listens. @default 0, which takes a free one */
  port?: number | undefined
  /**
   * Is told of each connection that could not be led on or that broke with the ssh connection, and of a port on the
   * machine that could not be had again after a reconnect. A callback and no `error` event: one that nobody hears
   * would end the process. Whoever made such a connection sees it closed, on this computer by a reset.
   * @default nobody is told
   */
  onError?: ((error: BenchawayError) => void) | undefined
  /** Gives up while it is being opened, and closes it afterwards. */
  signal?: AbortSignal | undefined
}

export interface TunnelOptions extends TunnelBetweenOptions {
  /**
   * Which end listens: this computer, or the machine, whose programs then reach a service here.
   * @default 'here'
   */
  from?: 'here' | 'instance' | undefined
  /**
   * The address of this computer that listens. On the machine it is always 127.0.0.1: sshd decides about others, and
   * does not say what it has decided.
   * @default '127.0.0.1'
   */
  host?: string | undefined
}

/** A port that leads somewhere else until it is closed. */
export type Tunnel = Passage

/**
 * A port here that leads to the machine, or with `from: 'instance'` a port there that leads here. It outlives a lost
 * connection: what listens on the machine is asked for again, at the same port.
 *
 * @throws {BenchawayError} `PORT_UNAVAILABLE` when somebody else has the port, `FORWARDING_REFUSED` when sshd does not
 *   listen for us, `CONNECTION_LOST`. Whether somebody answers at the other end shows with each connection.
 */
export async function tunnel(connection: Connection, options: TunnelOptions): Promise<Tunnel> {
  checkOptions('tunnel()', options, {
    ...rules,
    from: [(value) => value === 'here' || value === 'instance', "'here' or 'instance'"],
    host: [
      (value) => typeof value === 'string' && net.isIP(value) !== 0 && options.from !== 'instance',
      "an address of this computer, and none with from: 'instance'",
    ],
  })
  const { from = 'here', port = 0, host = '127.0.0.1' } = options
  const to = destinationOf(options.to)
  return from === 'here'
    ? openPassage([connection], options, listenHere(host, port), (stop) =>
        dial(connection, to, stop),
      )
    : openPassage([connection], options, keepListening(connection, port), (stop) =>
        dialHere(to, stop),
      )
}

/**
 * A port on the loopback of `one` that leads to `other`, such as to a server under test whose port is not open to the
 * network. All bytes pass through this computer, because neither machine has a key of the other: a benchmark uses
 * their private addresses instead.
 *
 * @throws {BenchawayError} as `tunnel()` does
 */
export async function tunnelBetween(
  one: Connection,
  other: Connection,
  options: TunnelBetweenOptions,
): Promise<Tunnel> {
  checkOptions('tunnelTo()', options, rules)
  const to = destinationOf(options.to)
  const listen = keepListening(one, options.port ?? 0)
  return openPassage([one, other], options, listen, (stop) => dial(other, to, stop))
}

const isPort = isWhole(1, 65_535)

function isDestination(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return isPort(value)
  const { host, port, path, ...more }: { host?: unknown; port?: unknown; path?: unknown } = value
  if (Object.keys(more).length > 0) return false
  return path === undefined ? isText(host) && isPort(port) : isText(path) && !('port' in value)
}

const rules: { readonly [K in keyof Required<TunnelBetweenOptions>]: OptionRule } = {
  to: [isDestination, 'a port, { host, port } or { path }'],
  port: [isWhole(0, 65_535), 'a port from 0 to 65535'],
  onError: [(value) => typeof value === 'function', 'a function'],
  signal: [(value) => value instanceof AbortSignal, 'an AbortSignal'],
}

function destinationOf(to: number | Destination | undefined): Destination {
  if (to === undefined) {
    throw new BenchawayError('OPTION_INVALID', "a tunnel needs its option 'to'", {
      hint: 'Give the port that it leads to.',
    })
  }
  return typeof to === 'number' ? { host: '127.0.0.1', port: to } : to
}
