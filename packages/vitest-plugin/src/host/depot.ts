/** What we have put on one machine: Node, the worker, and the packages that bench files load. */
import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { dirname, sep } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'

import type { Instance, RemoteProcess } from '@benchaway/core'

import { PluginError } from '../errors.ts'
import { channelLine, quote } from '../wire/channel.ts'
import { dependencyClosure, packageFolder } from './closure.ts'
import { fixturesOf } from './fixtures.ts'
import { type Gate, isInside } from './gate.ts'
import { packNode, type NodeBinary } from './node-binary.ts'
import { type Runtime, workerPath } from './runtime.ts'

export interface DepotOptions {
  readonly instance: Instance
  readonly node: Promise<NodeBinary>
  readonly runtime: Promise<Runtime>
  /** Whether the machine runs on this computer, where no link is slower than compressing for it. */
  readonly isLocal: boolean
}

/** Absolute paths on the machine. */
interface Sent {
  readonly node: string
  /** The folder of the bundle. */
  readonly runtime: string
}

export class Depot {
  /** Makes a lost connection anew by itself; what was sent over the old one is still there. */
  readonly instance: Instance
  readonly #isLocal: boolean
  readonly #sent: Sent
  readonly #roots = new Map<string, Promise<void>>()
  readonly #packages = new Set<string>()
  /** Fixtures as they were when they were sent. */
  readonly #fixtures = new Map<string, string>()
  #sending: Promise<void> = Promise.resolve()
  #isLost = false

  private constructor(options: DepotOptions, sent: Sent) {
    this.instance = options.instance
    this.#isLocal = options.isLocal
    this.#sent = sent
    void this.instance.closed.then(() => {
      this.#isLost = true
    })
  }

  /** Whether there is no connection any more, and there will be none. */
  get isLost(): boolean {
    return this.#isLost
  }

  /** Sends Node and the worker. */
  static async open(options: DepotOptions): Promise<Depot> {
    const { instance } = options
    const [node, runtime] = await Promise.all([
      options.node.then((binary) => sendNode(instance, binary, options.isLocal)),
      options.runtime.then((bundle) => sendRuntime(instance, bundle)),
    ])
    return new Depot(options, { node, runtime })
  }

  /** Starts a worker; frames go in on its stdin and out on its stdout. */
  startWorker(execArgv: readonly string[]): Promise<RemoteProcess> {
    return this.instance.open(this.#workerLine(execArgv))
  }

  /** Makes a folder of the developer's computer exist under the same path, owned by the login user. */
  makeRoot(folder: string): Promise<void> {
    const made = this.#roots.get(folder) ?? this.#makeRoot(folder)
    this.#roots.set(folder, made)
    made.catch(() => this.#roots.delete(folder))
    return made
  }

  /** Sends files of the project that match patterns relative to it, unless the machine has them as they are now. */
  async sendFixtures(root: string, patterns: readonly string[]): Promise<void> {
    if (patterns.length === 0) return
    const changed = [...fixturesOf(root, patterns)].filter(
      ([path, version]) => this.#fixtures.get(path) !== version,
    )
    await this.#inTurn(() =>
      this.#send(
        changed.map(([path]) => path),
        { followsLinks: true },
      ),
    )
    for (const [path, version] of changed) this.#fixtures.set(path, version)
  }

  /** Sends the packages that the given files belong to, with all that they depend on, unless they are there. */
  async sendPackages(files: readonly string[], gate: Gate): Promise<void> {
    const folders = new Set(files.map((file) => packageFolder(file) ?? dirname(file)))
    await this.#inTurn(async () => {
      const { packages, links } = dependencyClosure([...folders], this.#packages)
      const paths = packages.flatMap(({ folder, files: all }) =>
        // Published packages hold no secrets; a folder of the workspace may.
        folder.includes(`${sep}node_modules${sep}`)
          ? all
          : all.filter((path) => !gate.isSecret(path)),
      )
      await this.#send([...paths, ...links]).catch((error: unknown) => {
        for (const { folder } of packages) this.#packages.delete(folder)
        throw error
      })
    })
  }

  /** Closes the connection and leaves the machine alone. */
  disconnect(): void {
    this.instance.disconnect()
  }

  #workerLine(execArgv: readonly string[]): string {
    const words = [this.#sent.node, ...execArgv, `${this.#sent.runtime}/${workerPath}`]
    return channelLine(words.map((word) => quote(word)).join(' '))
  }

  async #makeRoot(folder: string): Promise<void> {
    const owner = '"$(id -u):$(id -g)"'
    await this.instance.exec(`${asRoot} ${quote(makeFolder)} sh ${owner} ${quote(folder)}`)
  }

  // One after another: who finds a package listed as sent must be able to rely on it.
  #inTurn(task: () => Promise<void>): Promise<void> {
    const turn = this.#sending.then(task)
    this.#sending = turn.catch(() => undefined)
    return turn
  }

  async #send(paths: readonly string[], { followsLinks = false } = {}): Promise<void> {
    if (paths.length === 0) return
    for (const root of newRoots(paths, this.#roots.keys())) await this.makeRoot(root)
    const zip = this.#isLocal ? '' : 'z'
    const create = `-c${followsLinks ? 'h' : ''}${zip}f`
    const tar = spawn('tar', ['-C', '/', '--null', '--no-recursion', create, '-', '-T', '-'], {
      // Without it macOS adds files of its own to the archive.
      env: { ...process.env, COPYFILE_DISABLE: '1' },
    })
    const complaint = text(tar.stderr)
    // Node throws away what a child has printed when it ends before anybody reads; the channel is opened meanwhile.
    const archive = tar.stdout.pipe(new PassThrough())
    const ended = new Promise<number | null>((resolve, reject) => {
      tar.once('error', reject)
      tar.once('close', resolve)
    })
    tar.stdin.on('error', () => undefined)
    tar.stdin.end(paths.map((path) => `.${path}\0`).join(''))
    try {
      await this.instance.exec(`tar -C / --no-same-owner -x${zip}f -`, { stdin: archive })
    } finally {
      tar.kill()
    }
    if ((await ended) !== 0) {
      throw new PluginError(
        'SHIP_FAILED',
        `tar could not read what the machine needs: ${await complaint}`,
      )
    }
  }
}

/** @returns where the executable lies on the machine, as an absolute path */
export async function sendNode(
  instance: Instance,
  node: NodeBinary,
  isLocal: boolean,
): Promise<string> {
  const folder = `$HOME/.benchaway/${node.key}`
  const { stdout: zstd } = await instance.exec('command -v zstd || true')
  const { path, unpack } = await packNode(node, { hasZstd: zstd !== '', isLocal })
  const lines = [
    `mkdir -p "${folder}"`,
    `${unpack} >"${folder}/node.part"`,
    `chmod 755 "${folder}/node.part"`,
    `mv "${folder}/node.part" "${folder}/node"`,
    `printf %s "${folder}/node"`,
  ]
  const stdin = createReadStream(path, { highWaterMark: 256 * 1024 })
  const { stdout } = await instance.exec(lines.join(' && '), { stdin })
  return stdout
}

async function sendRuntime(instance: Instance, runtime: Runtime): Promise<string> {
  const folder = `$HOME/.benchaway/runtime-${runtime.key}`
  const lines = [
    `mkdir -p "${folder}"`,
    `tar -C "${folder}" --no-same-owner -xzf -`,
    `printf %s "${folder}"`,
  ]
  const stdin = createReadStream(runtime.archive)
  const { stdout } = await instance.exec(lines.join(' && '), { stdin })
  return stdout
}

// The image's user has sudo without a password, on every cloud image.
const asRoot = '$([ "$(id -u)" = 0 ] || echo sudo -n) sh -c'

// Its parents must let the user through: a project may lie below a home with mode 0700.
const makeFolder = `
owner=$1 folder=$2
mkdir -p -- "$folder" && chown "$owner" -- "$folder" || exit
while [ "$folder" != / ]; do
  folder=$(dirname -- "$folder")
  [ $(( 0$(stat -c %a -- "$folder") & 1 )) = 1 ] || chmod o+x -- "$folder"
done`

/** Folders that must be made before these paths can be unpacked: the first `node_modules` that lies outside known ones. */
function newRoots(paths: readonly string[], known: Iterable<string>): Set<string> {
  const roots = new Set<string>()
  for (const path of paths) {
    if ([...known, ...roots].some((root) => isInside(path, root))) continue
    const at = path.indexOf(`${sep}node_modules${sep}`)
    roots.add(at < 0 ? dirname(path) : path.slice(0, at + `${sep}node_modules`.length))
  }
  return roots
}
