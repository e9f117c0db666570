import { endNow } from './boot/dead-man.ts'
import type { Arch } from './ec2/instance-type.ts'
import { BenchawayError } from './errors.ts'
import { fingerprint, knownHostsLine, publicBlob } from './keys/openssh.ts'
import type { CommandResult } from './ssh/command.ts'
import { type Connection, connect, type SshTarget } from './ssh/connection.ts'
import { exec, type ExecOptions } from './ssh/exec.ts'
import { open, type RemoteProcess } from './ssh/process.ts'
import { pull, push, type PushOptions } from './ssh/transfer.ts'

/** All that another process of the same user needs to reach a machine. Plain data; holds the secret client key. */
export interface InstanceAccess {
  readonly id: string
  readonly type: string
  readonly arch: Arch
  readonly image: string
  readonly privateIp: string
  readonly publicIp: string
  readonly port: number
  readonly user: string
  /** 32 bytes of an ed25519 public key, base64. */
  readonly hostKey: string
  /** Text of an OpenSSH private key file. Secret. */
  readonly clientKey: string
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
  /** Where this computer reaches it. */
  readonly publicIp: string
  readonly port: number
  readonly user: string
  readonly timing: LaunchTiming
  /** `SHA256:…`, as `ssh-keygen -l` prints it. */
  readonly hostKeyFingerprint: string
  /** For a `known_hosts` file, so that your own ssh verifies the machine too. */
  readonly knownHostsLine: string
  /** Resolves when the ssh connection is gone. Never rejects. */
  readonly closed: Promise<void>
  readonly #connection: Connection
  readonly #terminate: () => Promise<void>
  readonly #whyEnded: () => Promise<string | undefined>
  readonly #access: InstanceAccess
  #released = false

  /** @param whyEnded asks EC2, for whoever may: undefined when the machine has not ended */
  constructor(
    access: InstanceAccess,
    connection: Connection,
    terminate: () => Promise<void>,
    whyEnded: () => Promise<string | undefined> = async () => undefined,
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
    this.timing = timing
    const hostKey = Buffer.from(access.hostKey, 'base64')
    this.hostKeyFingerprint = fingerprint(publicBlob(hostKey))
    this.knownHostsLine = knownHostsLine(publicIp, port, hostKey)
    this.closed = connection.closed
    this.#connection = connection
    this.#terminate = terminate
    this.#whyEnded = whyEnded
    this.#access = access
  }

  /**
   * Runs a command as the image's user and collects what it prints.
   *
   * @param command a string is a shell line; an array is a program with its arguments, quoted exactly
   * @throws {CommandError} on a non-zero exit code, a signal, a time-out or a lost connection, whose `cause` says if the
   *   machine has ended, and why
   */
  exec(command: string | readonly string[], options?: ExecOptions): Promise<CommandResult> {
    return this.#explained(exec(this.#connection, command, options))
  }

  /** Starts a shell line to talk to while it runs. */
  open(command: string): Promise<RemoteProcess> {
    return this.#explained(open(this.#connection, command))
  }

  /**
   * Puts one file on the machine; it appears whole or not at all.
   *
   * @param source a local path, or the content as bytes
   */
  push(source: string | Uint8Array, path: string, options?: PushOptions): Promise<void> {
    return this.#explained(push(this.#connection, source, path, options))
  }

  /** Fetches one file from the machine; it appears whole or not at all. */
  pull(path: string, localPath: string): Promise<void> {
    return this.#explained(pull(this.#connection, path, localPath))
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
 * @throws {BenchawayError} as `launch()` does when ssh fails
 */
export async function attachInstance(
  access: InstanceAccess,
  terminate: () => Promise<void>,
): Promise<Instance> {
  const connection = await connect(sshTarget(access), { timeoutMs: 20_000 })
  return new Instance(access, connection, terminate)
}

export function sshTarget(access: InstanceAccess): SshTarget {
  return {
    host: access.publicIp,
    port: access.port,
    user: access.user,
    privateKey: access.clientKey,
    hostKey: publicBlob(Buffer.from(access.hostKey, 'base64')),
  }
}
