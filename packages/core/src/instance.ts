import { endNow } from './boot/dead-man.ts'
import type { Arch } from './ec2/instance-type.ts'
import { BenchawayError } from './errors.ts'
import { fingerprint, knownHostsLine, publicBlob } from './keys/openssh.ts'
import type { LaunchOptions } from './options.ts'
import type { CommandResult } from './ssh/command.ts'
import { type Connection, connect, type SshTarget } from './ssh/connection.ts'
import { exec, type ExecOptions } from './ssh/exec.ts'
import { open, type RemoteProcess } from './ssh/process.ts'
import type { Server } from './ssh/server.ts'
import { type Shell, shell } from './ssh/shell-tag.ts'
import { spawn, type SpawnOptions } from './ssh/spawn.ts'
import { type OutputLine, stream, type StreamOptions } from './ssh/stream.ts'
import type { TransferReport } from './ssh/transfer/options.ts'
import { pull, type PullOptions, type PullReport } from './ssh/transfer/pull.ts'
import { push, type PushOptions } from './ssh/transfer/push.ts'
import { read, type ReadOptions } from './ssh/transfer/read.ts'
import {
  tunnel,
  tunnelBetween,
  type Tunnel,
  type TunnelBetweenOptions,
  type TunnelOptions,
} from './ssh/tunnel.ts'

/** All that another process of the same user needs to reach a machine. Plain data; holds the secret client key. */
export interface InstanceAccess {
  readonly id: string
  readonly type: string
  readonly arch: Arch
  readonly image: string
  readonly privateIp: string
  /** Empty when it has none. */
  readonly publicIp: string
  readonly port: number
  readonly user: string
  /** 32 bytes of an ed25519 public key, base64. */
  readonly hostKey: string
  /** Text of an OpenSSH private key file. Secret. */
  readonly clientKey: string
  /** The machine that it is reached through, if it has no public address. */
  readonly proxyJump?: InstanceAccess | undefined
  readonly timing: LaunchTiming
}

export interface LaunchTiming {
  /** From `launch()` to EC2's answer to RunInstances, in milliseconds: look-ups, security group, the request. */
  readonly requestMs: number
  /** From there until EC2 says that it runs under an address, in milliseconds. */
  readonly bootMs: number
  /** From there to the first verified ssh login, in milliseconds. */
  readonly connectMs: number
}

/** For other files of this package: users have no business with it. */
export let connectionOf: (instance: Instance) => Connection

/** A machine that was launched, verified and logged in to. */
export class Instance {
  /** Such as `i-0123456789abcdef0`. */
  readonly id: string
  /** Such as `m7i.large`. */
  readonly type: string
  readonly arch: Arch
  /** Name of the image it was launched from. */
  readonly image: string
  /** Where other machines of the same fleet reach it. */
  readonly privateIp: string
  /** Where this computer reaches it; empty when it does so through `proxyJump` only. */
  readonly publicIp: string
  readonly port: number
  readonly user: string
  /** The machine that this one is reached through. @default none: it has a public address */
  readonly proxyJump: Instance | undefined
  readonly timing: LaunchTiming
  /** `SHA256:…`, as `ssh-keygen -l` prints it. */
  readonly hostKeyFingerprint: string
  /** For a `known_hosts` file, so that your own ssh verifies the machine too. */
  readonly knownHostsLine: string
  /**
   * Resolves when there is no ssh connection any more and there will be none: it was closed, or could not be made anew
   * within `reconnectMs`. Never rejects.
   */
  readonly closed: Promise<void>
  readonly #connection: Connection
  readonly #terminate: () => Promise<void>
  readonly #whyEnded: () => Promise<string | undefined>
  readonly #access: InstanceAccess
  #released = false

  static {
    connectionOf = (instance) => instance.#connection
  }

  constructor(
    access: InstanceAccess,
    connection: Connection,
    {
      terminate,
      whyEnded = async () => undefined,
      proxyJump,
    }: {
      readonly terminate: () => Promise<void>
      /** Asks EC2, for whoever may: undefined when the machine has not ended. */
      readonly whyEnded?: (() => Promise<string | undefined>) | undefined
      readonly proxyJump?: Instance | undefined
    },
  ) {
    const { id, type, arch, image, privateIp, publicIp, port, user, timing } = access
    this.id = id
    this.type = type
    this.arch = arch
    this.image = image
    this.privateIp = privateIp
    this.publicIp = publicIp
    this.port = port
    this.user = user
    this.proxyJump = proxyJump
    this.timing = timing
    const hostKey = Buffer.from(access.hostKey, 'base64')
    this.hostKeyFingerprint = fingerprint(publicBlob(hostKey))
    this.knownHostsLine = knownHostsLine(hostOf(access), port, hostKey)
    this.closed = connection.closed
    this.#connection = connection
    this.#terminate = terminate
    this.#whyEnded = whyEnded
    this.#access = access
  }

  /**
   * Runs a command as the image's user and collects what it prints.
   *
   * @param command a string is a line for the login shell; an array is a program with its arguments, quoted exactly
   * @throws {CommandError} on a non-zero exit code, a signal, a time-out or a lost connection, whose `cause` has
   *   the code `INSTANCE_ENDED` when the machine is known to have ended
   */
  exec(command: string | readonly string[], options?: ExecOptions): Promise<CommandResult> {
    return this.#explained(exec(this.#connection, command, options))
  }

  /**
   * A tag for shell lines whose values are quoted: `` instance.$`grep ${word} ${files}` ``, and with options of
   * `exec()`: `` instance.$({ cwd: '/srv' })`ls` ``.
   */
  get $(): Shell {
    return shell((line, options) => this.exec(line, options))
  }

  /**
   * Runs a command and yields its lines as they come; leaving the loop kills it.
   *
   * @throws {CommandError} as `exec()` does, after the last line
   */
  stream(
    command: string | readonly string[],
    options?: StreamOptions,
  ): AsyncGenerator<OutputLine, void, undefined> {
    return this.#explainedLines(stream(this.#connection, command, options))
  }

  /**
   * Starts a server and returns once it is ready, which `options.ready` says: a line of its log, a port, or a command
   * that succeeds.
   *
   * @throws {CommandError} with its log, when it ends or does not become ready in time
   */
  spawn(command: string | readonly string[], options?: SpawnOptions): Promise<Server> {
    return this.#explained(spawn(this.#connection, command, options))
  }

  /** Starts a shell line to talk to while it runs. */
  open(command: string): Promise<RemoteProcess> {
    return this.#explained(open(this.#connection, command))
  }

  /**
   * Puts a file or a folder on the machine, unless it is there already and equal. Each file appears whole or not at
   * all; a transfer goes on when the connection was lost and comes back.
   *
   * @param source a local path, or the content of a file as bytes
   * @param destination of the file or folder itself, absolute or relative to the login folder
   */
  push(
    source: string | Uint8Array,
    destination: string,
    options?: PushOptions,
  ): Promise<TransferReport> {
    return this.#explained(push(this.#connection, source, destination, options))
  }

  /**
   * Fetches a file, a folder, or what a list of globs matches, unless it is here already and equal. The machine is not
   * trusted: nothing it sends lands outside of `destination`.
   *
   * @param source a path on the machine, or globs
   * @param destination of the file or folder itself on this computer
   */
  pull(
    source: string | readonly string[],
    destination: string,
    options?: PullOptions,
  ): Promise<PullReport> {
    return this.#explained(pull(this.#connection, source, destination, options))
  }

  /** The content of a file on the machine. */
  read(path: string, options?: ReadOptions): Promise<Buffer> {
    return this.#explained(read(this.#connection, path, options))
  }

  /** A port of this computer that leads to the machine, or with `from: 'instance'` the other way round. */
  tunnel(options: TunnelOptions): Promise<Tunnel> {
    return this.#explained(tunnel(this.#connection, options))
  }

  /**
   * A port on this machine's loopback that leads to another machine, through this computer: for what is to look local.
   * Benchmarks use `privateIp`.
   */
  tunnelTo(other: Instance, options: TunnelBetweenOptions): Promise<Tunnel> {
    return this.#explained(tunnelBetween(this.#connection, other.#connection, options))
  }

  /** Ends the machine. Resolves once EC2 has accepted that; safe to call twice. */
  async terminate(): Promise<void> {
    await this.#terminate()
    this.disconnect()
  }

  /**
   * Asks the machine itself to end, over ssh and without AWS: for when credentials have expired or EC2 does not
   * answer. Resolves once its dead-man switch has heard it.
   */
  async powerOff(): Promise<void> {
    await exec(this.#connection, endNow, { timeoutMs: 2000 }, true)
  }

  /** Closes the ssh connection and leaves the machine alone. */
  disconnect(): void {
    this.#released = true
    this.#connection.close()
  }

  /** What `attachInstance()` needs in another process. Holds the secret client key: never print it. */
  access(): InstanceAccess {
    return this.#access
  }

  async *#explainedLines(
    lines: AsyncGenerator<OutputLine, void, undefined>,
  ): AsyncGenerator<OutputLine, void, undefined> {
    try {
      yield* lines
    } catch (error) {
      await this.#explained(Promise.reject(error))
    }
  }

  /** A connection that is lost because AWS took the machine away, or because its time was up, says so. */
  async #explained<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      const lost = error instanceof BenchawayError && error.code === 'CONNECTION_LOST'
      const why = lost && !this.#released ? await this.#whyEnded() : undefined
      if (lost && why !== undefined) {
        const { cause } = error
        error.cause = new BenchawayError('INSTANCE_ENDED', `${this.id} ended: ${why}`, { cause })
      }
      throw error
    }
  }
}

/**
 * Reaches a machine that another process of the same user has launched, over a connection of its own.
 *
 * @param terminate how this process asks for the end of the machine
 * @param options `reconnectMs` as of `launch()`
 * @throws {BenchawayError} as `launch()` does when ssh fails
 */
export async function attachInstance(
  access: InstanceAccess,
  terminate: () => Promise<void>,
  { reconnectMs = 20_000 }: Pick<LaunchOptions, 'reconnectMs'> = {},
): Promise<Instance> {
  const proxyJump =
    access.proxyJump && (await attachInstance(access.proxyJump, notHere, { reconnectMs }))
  try {
    const target = sshTarget(access, proxyJump && connectionOf(proxyJump))
    const connection = await connect(target, { timeoutMs: 20_000, reconnectMs })
    // A way that was made for this one alone goes with it.
    void connection.closed.then(() => proxyJump?.disconnect())
    return new Instance(access, connection, { terminate, proxyJump })
  } catch (error) {
    proxyJump?.disconnect()
    throw error
  }
}

export function sshTarget(access: InstanceAccess, via?: Connection): SshTarget {
  return {
    via,
    host: hostOf(access),
    port: access.port,
    user: access.user,
    privateKey: access.clientKey,
    hostKey: publicBlob(Buffer.from(access.hostKey, 'base64')),
  }
}

async function notHere(): Promise<void> {
  throw new BenchawayError('PERMISSION_DENIED', 'a machine on the way is ended by who launched it')
}

function hostOf({ proxyJump, privateIp, publicIp }: InstanceAccess): string {
  return proxyJump === undefined ? publicIp : privateIp
}
