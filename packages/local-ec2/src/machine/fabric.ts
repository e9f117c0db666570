/** The endpoint's side of the process that holds the machines. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'

import { LocalEc2Error } from '../errors.ts'
import { fabricEntry } from './asset.ts'
import type { FabricPlan, FromFabric, Preparation, ToFabric } from './fabric/protocol.ts'
import { namespaceHint } from './probe.ts'
import { words } from './words.ts'

export class Fabric {
  readonly #child: ChildProcess
  /** Settles when its process is gone, and with it all that it held. Never rejects. */
  readonly gone: Promise<void>
  /** Whether machines are kept from opening connections to this computer, and from speaking in each other's name. */
  guarded = false

  private constructor(child: ChildProcess) {
    this.#child = child
    this.gone = new Promise((resolve) => {
      child.once('error', () => resolve())
      child.once('exit', () => resolve())
    })
  }

  /**
   * @param prepare called once its namespaces are there, with the id of a process that is in them
   * @param within a command that its own is appended to
   * @throws {LocalEc2Error} `MACHINE_UNAVAILABLE` when its namespaces are refused, `FABRIC_FAILED` otherwise
   */
  static async start(
    plan: FabricPlan,
    onMessage: (message: FromFabric) => void,
    prepare: (pid: number) => Promise<Preparation>,
    within: readonly string[] = [],
  ): Promise<Fabric> {
    const args = [
      // Not by the channel alone: a fabric that hangs would not notice that its endpoint is dead.
      ...words('--pdeathsig KILL'),
      ...within,
      ...words('unshare --mount --pid --net --fork --kill-child --mount-proc'),
      ...(plan.rootless ? words('--user --map-root-user --map-auto') : []),
      ...(plan.init === 'own' ? [] : ['--cgroup']),
      // A shell as process 1: it reaps what runc leaves behind, which Node would not.
      '--',
      'sh',
      '-c',
      // Not our caller's umask: machines have their own system's.
      'umask 022; "$0" "$@"; exit $?',
      process.execPath,
      fabricEntry,
      JSON.stringify(plan),
    ]
    const child = spawn('setpriv', args, {
      // Its own session: Ctrl-C in a terminal is the endpoint's to answer.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
      cwd: '/',
      // Nothing of the caller's environment reaches a machine, not even by way of this process.
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    })
    // Node adds a listener for each server whose sockets it hands over: one a machine.
    child.setMaxListeners(0)
    const fabric = new Fabric(child)
    let complaint = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-4096)
    })
    let hasNamespaces = false
    try {
      await new Promise<void>((resolve, reject) => {
        child.once('error', reject)
        child.once('exit', (code, signal) =>
          reject(new Error(complaint.trim() || `ended with ${signal ?? `code ${code}`}`)),
        )
        child.on('message', (message: FromFabric) => {
          if (message.type === 'hello') {
            hasNamespaces = true
            prepare(child.pid ?? 0).then(
              (preparation) => fabric.tell({ type: 'prepare', preparation }),
              reject,
            )
          } else if (message.type === 'ready') {
            fabric.guarded = message.guarded
            resolve()
          } else if (message.type === 'failed') reject(new Error(message.message))
          else onMessage(message)
        })
      })
    } catch (cause) {
      fabric.#killAll()
      throw hasNamespaces ? broken(cause) : refused(cause)
    }
    return fabric
  }

  /** @returns whether there still is a fabric to tell it to */
  tell(message: ToFabric, socket?: Socket): boolean {
    if (this.#child.connected) {
      this.#child.send(message, socket, undefined, () => {})
      return true
    }
    socket?.destroy()
    return false
  }

  /** Ends it, and resolves when everything that it held is gone. */
  async close(): Promise<void> {
    // It exits when the channel closes; its process 1 is only gone once all the others are, and unshare after that.
    if (this.#child.connected) this.#child.disconnect()
    const timer = setTimeout(() => this.#kill(), patienceMs)
    await this.gone
    clearTimeout(timer)
  }

  /** Where unshare fails, what it has forked to write its map waits for ever, and holds our pipes. */
  #killAll(): void {
    this.#kill()
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL')
    } catch {
      // Nobody is left.
    }
  }

  #kill(): void {
    // Killing unshare kills its child by --kill-child, and that is process 1 of everything inside.
    this.#child.kill('SIGKILL')
  }
}

const patienceMs = 3000

function broken(cause: unknown): LocalEc2Error {
  return new LocalEc2Error('FABRIC_FAILED', `machines cannot be prepared: ${reasonOf(cause)}`, {
    cause,
  })
}

function refused(cause: unknown): LocalEc2Error {
  const isRoot = process.getuid?.() === 0
  const what = `this computer does not let ${isRoot ? 'root' : 'this user'} make namespaces`
  const reason = reasonOf(cause)
  return new LocalEc2Error('MACHINE_UNAVAILABLE', `${what}: ${reason}`, {
    hint: namespaceHint(reason),
    cause,
  })
}

const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause)
