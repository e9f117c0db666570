/**
 * Which of the developer's files a machine may have. A worker asks for modules by path and Vite would read any file
 * for it; the machine runs other people's code, so only what belongs to the project leaves this computer.
 */
import { readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, matchesGlob, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

import { PluginError } from '../errors.ts'
import { dependencyFolders } from './closure.ts'

export interface GateOptions {
  /** Folder of the Vitest project. */
  readonly root: string
  /** Folders whose files may be sent: Vite's `server.fs.allow`, which begins with the workspace. */
  readonly allow: readonly string[]
  /** Names that are never sent, in Vite's `server.fs.deny` syntax. */
  readonly deny: readonly string[]
}

// Beside Vite's own (.env, .env.*, *.pem, *.crt, .git): what package managers, git and ssh keep secrets in.
const secrets = [
  '.npmrc',
  '.yarnrc.yml',
  '.netrc',
  '.git-credentials',
  '*.key',
  '*.p12',
  // Keys of ssh, whatever their algorithm, but no source file such as id_map.ts.
  'id_+([!.])',
  'id_+([!.]).pub',
  '**/.ssh/**',
  '**/.aws/**',
]

const notSent = 'was not sent to the machine'
const notWritten = 'may not be written by a machine'

const plugin = dirname(dirname(import.meta.dirname))

export class Gate {
  readonly #root: string
  readonly #allow: readonly string[]
  readonly #deny: readonly string[]
  #dependencies: Set<string> | undefined

  constructor({ root, allow, deny }: GateOptions) {
    this.#root = root
    this.#allow = [root, ...allow].map((folder) => realpath(folder) ?? folder)
    this.#deny = [...deny, ...secrets].map((pattern) => globForm(pattern))
  }

  /**
   * Refuses a file that does not belong to the project, by the path it is asked under and by where it really lies.
   *
   * @throws {PluginError} `REQUEST_REFUSED`
   */
  check(path: string): void {
    const real = realpath(path)
    // What does not exist tells nothing; Vite says so in better words.
    if (real === undefined) return
    if (isInside(real, plugin)) throw driverOnly()
    this.#checkName(path, real, notSent)
    this.#checkPlace(path, real, notSent)
  }

  #checkPlace(path: string, real: string, verb: string): void {
    if (this.#allow.some((folder) => isInside(real, folder))) return
    // A dependency that lies elsewhere: hoisted above the workspace, or in a store that all projects share.
    this.#dependencies ??= dependencyFolders(this.#root)
    for (const folder of this.#dependencies) if (isInside(real, folder)) return
    throw new PluginError('REQUEST_REFUSED', `${path} ${verb}: it lies outside the workspace`, {
      hint: "Move it into the workspace, or add its folder to Vite's `server.fs.allow`.",
    })
  }

  /**
   * Refuses a file that is to be written, which need not exist yet, by where it would really lie.
   *
   * @throws {PluginError} `REQUEST_REFUSED`
   */
  checkWrite(path: string): void {
    const real = realOf(path)
    this.#checkName(path, real, notWritten)
    this.#checkPlace(path, real, notWritten)
  }

  /**
   * Refuses a module before Vite reads it: not even reading a device or a pipe should be possible.
   *
   * @param id as the worker asked: a path under the root, an absolute or relative path, `/@fs/…` or `file://…`
   */
  checkRequest(id: string, importer: string | undefined): void {
    for (const path of this.#paths(id, importer)) {
      if (realpath(path) === undefined) continue
      this.check(path)
      return
    }
  }

  /** Whether a name says that its content is secret. */
  isSecret(path: string): boolean {
    const whole = globForm(path)
    const name = globForm(basename(path))
    return this.#deny.some((pattern) => matchesGlob(pattern.includes('/') ? whole : name, pattern))
  }

  #checkName(path: string, real: string, verb: string): void {
    if (!this.isSecret(path) && !this.isSecret(real)) return
    throw new PluginError('REQUEST_REFUSED', `${path} ${verb}: its name says that it is secret`, {
      hint: 'List it in the option `files` if the machine may have it.',
    })
  }

  // In the order in which Vite would find a file.
  #paths(id: string, importer: string | undefined): string[] {
    const path = id.replace(/[?#].*$/, '')
    if (path.startsWith('file://')) return [fileURLToPath(path)]
    if (path.startsWith('/@fs/')) return [resolve('/', path.slice('/@fs/'.length))]
    if (path.startsWith('/@id/')) return this.#paths(path.slice('/@id/'.length), importer)
    if (isAbsolute(path)) return [join(this.#root, path), resolve(path)]
    if (!path.startsWith('.')) return []
    const from = importer?.replace(/[?#].*$/, '')
    return [resolve(from !== undefined && isAbsolute(from) ? dirname(from) : this.#root, path)]
  }
}

function driverOnly(): PluginError {
  return new PluginError(
    'REQUEST_REFUSED',
    'a bench file that runs on a machine imports @benchaway/vitest-plugin, which commands machines from the developer’s computer',
    {
      hint: 'Name the file *.driver.bench.ts: it then stays on your computer and may use useInstance() and remote().',
    },
  )
}

/** Whether a path lies in a folder or is that folder; both real. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

/** Where a file really lies, or would if it were written: it need not exist. */
export function realOf(path: string): string {
  const real = realpath(path)
  if (real !== undefined) return real
  const parent = dirname(path)
  if (parent === path) return path
  // Writing follows a link even when there is nothing yet where it leads.
  const target = linkTarget(path)
  return target === undefined ? join(realOf(parent), basename(path)) : realOf(target)
}

function linkTarget(path: string): string | undefined {
  try {
    return resolve(dirname(path), readlinkSync(path))
  } catch {
    return undefined
  }
}

// Vite matches these names whatever their case and however many dot folders lie above. `matchesGlob` lets no `*` match a
// leading dot, so names no longer begin with one, in the path and in the pattern alike.
function globForm(text: string): string {
  return text.toLowerCase().replaceAll(/(?<=^|[/{,(|])\./g, '\ue000.')
}

function realpath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}
