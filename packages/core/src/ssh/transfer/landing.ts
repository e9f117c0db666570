/**
 * Where a tree that a machine sends comes down: a folder that only we may enter. Everything is made anew there, files
 * and folders first and links last, so that there is no link to write through; then it is moved to its place. What
 * ends early leaves nothing.
 *
 * Calls are synchronous: small files take half the time that they take with promises.
 */
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'

import { BenchawayError } from '../../errors.ts'
import { timesOf } from './file-times.ts'
import { LandingSink, type OpenFile } from './landing-sink.ts'
import { codeOf, localFailure } from './local-failure.ts'
import type { Meter } from './meter.ts'
import { bytesOf, localPath } from './names.ts'
import { Placing } from './placing.ts'
import { checkNames, tooMuch } from './pull-failure.ts'
import {
  folded,
  longestName,
  parentOf,
  type Refused,
  safeName,
  shown,
  unsafeLink,
} from './safe-names.ts'
import { statHere } from './stat-here.ts'
import type { TarEntry } from './tar-reader.ts'
import { tryNames } from './try-names.ts'

/** Something that is in the staging folder, or will be when everything else is. */
export interface Landed {
  readonly name: string
  readonly kind: 'file' | 'folder' | 'link'
  readonly size: number
  /** Permission bits; undefined for a folder that nobody has described. */
  mode: number | undefined
  mtime: number
  /** Of a link. */
  readonly target: string
}

export interface Limits {
  readonly maxFiles: number
  readonly maxBytes: number
}

export interface LandingOptions {
  readonly limits: Limits
  readonly meter: Meter
  /** Of each file; undefined for its own. */
  readonly mode: number | undefined
}

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants

// What a name alone can be the reason of; anything else concerns the whole pull.
const namesOnly = new Set(['EEXIST', 'EILSEQ', 'EINVAL', 'ELOOP', 'ENAMETOOLONG', 'ENOTDIR'])

/** Set-id and sticky bits, and writing by group and others, stay on the machine. */
export function modeOf(sent: number): number {
  return sent & 0o755
}

export class Landing {
  readonly refused: Refused[] = []
  readonly #to: string
  readonly #limits: Limits
  readonly #meter: Meter
  readonly #mode: number | undefined
  readonly #isMerged: boolean
  readonly #staging: string
  /** Where the tree is, as bytes. */
  readonly #base: string
  readonly #folds: boolean
  readonly #umask: number
  /** In the order in which they came, each folder before what is in it. */
  readonly #landed = new Map<string, Landed>()
  readonly #open = new Set<OpenFile>()
  readonly #refusedNames = new Set<string>()
  /** Only these are let in. */
  #wanted: ReadonlySet<string> | undefined
  #entries = 0
  #bytes = 0
  /** Of names and of what links lead to, which are kept in memory. */
  #names = 0

  /**
   * @param to where the folder is to be; one that is there is merged
   * @param folds whether names that differ only in case are the same here; found out by trying when not given
   * @throws {BenchawayError} `TRANSFER_FAILED`
   */
  constructor(to: string, options: LandingOptions, folds?: boolean) {
    this.#to = path.resolve(to)
    this.#limits = options.limits
    this.#meter = options.meter
    this.#mode = options.mode
    const there = statHere(this.#to)
    this.#isMerged = there?.isDirectory() ?? false
    if (there && !this.#isMerged && !there.isSymbolicLink()) {
      throw new BenchawayError(
        'TRANSFER_FAILED',
        `${to} is a file on this computer, and what is pulled is a folder`,
        { hint: 'Name another folder, or remove the file first.' },
      )
    }
    // Inside of a folder that is there: what is beside it may be another file system, or not ours to write to.
    const beside = this.#isMerged ? this.#to : path.dirname(this.#to)
    this.#staging = path.join(beside, `.benchaway-${randomBytes(6).toString('hex')}.part`)
    this.#base = `${bytesOf(this.#staging)}/tree`
    try {
      fs.mkdirSync(this.#staging, 0o700)
      fs.mkdirSync(localPath(this.#base), 0o700)
      const tried = tryNames(this.#staging)
      this.#umask = tried.umask
      this.#folds = folds ?? tried.folds
    } catch (error) {
      this.discard()
      throw localFailure(to, error)
    }
    const root: Landed = {
      name: '',
      kind: 'folder',
      size: 0,
      mode: undefined,
      mtime: 0,
      target: '',
    }
    this.#landed.set('', root)
  }

  /** Everything that has come down whole so far. */
  get landed(): Iterable<Landed> {
    return this.#landed.values()
  }

  /** From now on anything else is refused: it was not asked for. */
  expect(names: ReadonlySet<string>): void {
    this.#wanted = names
  }

  /** For one stream. Several may come down at once. */
  sink(): LandingSink {
    return new LandingSink(this)
  }

  /** Whether it has come, or was refused. */
  has(name: string): boolean {
    if (this.#refusedNames.has(name)) return true
    const landed = this.#landed.get(this.#idOf(name))
    // A folder that was made for what is in it may still come itself.
    return landed?.name === name && landed.mode !== undefined
  }

  refuse(name: string, reason: string): void {
    const told = { path: shown(name), reason }
    this.#countNames(name.length + told.path.length)
    this.#refusedNames.add(name)
    this.refused.push(told)
  }

  /** Where something lies that has landed. */
  at(name: string): string | Buffer {
    return localPath(`${this.#base}/${name}`)
  }

  /** @returns the file that was opened for it, if it is one that is let in */
  begin(entry: TarEntry): OpenFile | undefined {
    this.#count(entry)
    // One that is longer is refused, and no more of it is kept than shows that.
    const sent = entry.name.toString('latin1', 0, longestName + 1)
    const safe = safeName(sent)
    if ('reason' in safe) {
      this.refuse(sent, safe.reason)
      return undefined
    }
    const { name } = safe
    try {
      const taken = this.#take(name, entry)
      if (typeof taken !== 'string') return taken
      this.refuse(name, taken)
    } catch (error) {
      if (error instanceof BenchawayError) throw error
      if (!namesOnly.has(codeOf(error) ?? '')) throw this.#failure(name, error)
      this.refuse(name, wordsOf(error))
    }
    return undefined
  }

  write(file: OpenFile, chunk: Buffer, position: number): void {
    this.#checkOpen(file)
    try {
      for (let at = 0; at < chunk.length;) {
        at += fs.writeSync(file.fd, chunk, at, chunk.length - at, position + at)
      }
    } catch (error) {
      throw this.#failure(file.landed.name, error)
    }
    file.bytes += chunk.length
    this.#meter.more(chunk.length)
  }

  finish(file: OpenFile): void {
    this.#checkOpen(file)
    const { fd, landed, isSparse, id } = file
    const { mode = 0, mtime, size, name } = landed
    this.#open.delete(file)
    try {
      if (isSparse) fs.ftruncateSync(fd, size)
      if ((mode & this.#umask) !== 0) fs.fchmodSync(fd, mode)
      fs.futimesSync(fd, ...timesOf(mtime))
    } catch (error) {
      throw this.#failure(name, error)
    } finally {
      fs.closeSync(fd)
    }
    this.#landed.set(id, landed)
    this.#meter.files++
  }

  /** Gives up a file of which not all has come. */
  drop(file: OpenFile): void {
    if (!this.#open.delete(file)) return
    const { fd, landed, bytes } = file
    fs.closeSync(fd)
    // It will come again, and counts once.
    this.#entries--
    this.#bytes -= landed.size
    this.#meter.bytes -= bytes
    fs.rmSync(this.at(landed.name), { force: true })
  }

  /**
   * Moves everything to its place.
   *
   * @returns how many files and links could not be placed
   * @throws {BenchawayError} `TRANSFER_FAILED`
   */
  place(): number {
    try {
      let unmade = 0
      for (const [id, landed] of this.#landed) {
        if (landed.kind !== 'link' || this.#makeLink(landed)) continue
        this.#landed.delete(id)
        unmade++
      }
      const placing = new Placing(this.#base, bytesOf(this.#to), this.#landed)
      const unplaced = this.#isMerged ? placing.merge() : placing.move()
      this.refused.push(...unplaced)
      fs.rmSync(this.#staging, { recursive: true, force: true })
      return unmade + unplaced.length
    } catch (error) {
      throw localFailure(this.#to, error)
    }
  }

  /** Removes everything again. */
  discard(): void {
    for (const { fd } of this.#open) fs.closeSync(fd)
    this.#open.clear()
    // Some may be as closed to us as they are on the machine.
    for (const { name, kind } of this.#landed.values()) {
      if (kind === 'folder' && fs.existsSync(this.at(name))) fs.chmodSync(this.at(name), 0o700)
    }
    // The synchronous one: names that are no UTF-8 are beyond the others.
    fs.rmSync(this.#staging, { recursive: true, force: true })
  }

  /** Its number may be another file's by now, and the machine has the say about what is written. */
  #checkOpen(file: OpenFile): void {
    if (!this.#open.has(file)) throw this.#failure(file.landed.name, new Error('it was given up'))
  }

  #countNames(length: number): void {
    this.#names += length
    checkNames(this.#names, this.#limits.maxFiles)
  }

  #count(entry: TarEntry): void {
    const { maxFiles, maxBytes } = this.#limits
    this.#bytes += entry.size
    if (++this.#entries > maxFiles) throw tooMuch(`${maxFiles} files`, 'maxFiles')
    if (this.#bytes > maxBytes) throw tooMuch(`${maxBytes} bytes`, 'maxBytes')
  }

  /** @returns why it is refused, if it is */
  #take(name: string, entry: TarEntry): OpenFile | string | undefined {
    const { kind, size, isSparse, mtime } = entry
    if (kind === 'unknown') return 'it is nothing that is known here'
    if (kind !== 'file' && kind !== 'folder' && kind !== 'link') return `it is a ${kind}`
    if (this.#wanted?.has(name) === false) return 'it was not asked for'
    const mode = (kind === 'file' ? this.#mode : undefined) ?? modeOf(entry.mode)
    const id = this.#idOf(name)
    const there = this.#landed.get(id)
    if (there) {
      if (there.name !== name) return `'${shown(there.name)}' has the same name here`
      if (kind !== 'folder' || there.kind !== 'folder' || there.mode !== undefined) {
        return 'it came before'
      }
      there.mode = mode
      there.mtime = mtime
      // That it was made before it came counts once, and the tree itself not at all.
      this.#entries--
      return undefined
    }
    const reason = this.#makeFolder(parentOf(name))
    if (reason !== undefined) return reason
    const target = kind === 'link' ? entry.linkTarget.toString('latin1') : ''
    const landed: Landed = { name, kind, size, mode, mtime, target }
    const unsafe = kind === 'link' ? unsafeLink(name, target) : undefined
    if (unsafe !== undefined) return unsafe
    this.#countNames(name.length + target.length)
    if (kind === 'file') {
      const fd = fs.openSync(this.at(name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
      const file = { fd, landed, id, isSparse, bytes: 0 }
      this.#open.add(file)
      this.#meter.on(name)
      return file
    }
    if (kind === 'link') this.#meter.files++
    else fs.mkdirSync(this.at(name), 0o700)
    this.#landed.set(id, landed)
    return undefined
  }

  /** Makes sure that a folder of exactly that name is there. */
  #makeFolder(name: string): string | undefined {
    const id = this.#idOf(name)
    const there = this.#landed.get(id)
    if (there) {
      if (there.name !== name) return `'${shown(there.name)}' has the same name here as its folder`
      return there.kind === 'folder' ? undefined : `'${shown(name)}' is a ${there.kind}`
    }
    const reason = this.#makeFolder(parentOf(name))
    if (reason !== undefined) return reason
    this.#entries++
    this.#countNames(name.length)
    fs.mkdirSync(this.at(name), 0o700)
    this.#landed.set(id, { name, kind: 'folder', size: 0, mode: undefined, mtime: 0, target: '' })
    return undefined
  }

  /** @returns false for one that this computer does not take, which is told */
  #makeLink({ name, target, mtime }: Landed): boolean {
    const at = this.at(name)
    try {
      fs.symlinkSync(localPath(target), at)
    } catch (error) {
      const code = codeOf(error) ?? ''
      if (!namesOnly.has(code)) throw error
      this.refuse(name, `this computer does not take such a link: ${code}`)
      return false
    }
    fs.lutimesSync(at, ...timesOf(mtime))
    return true
  }

  #idOf(name: string): string {
    return this.#folds ? folded(name) : name
  }

  #failure(name: string, error: unknown): BenchawayError {
    return localFailure(path.join(this.#to, shown(name)), error)
  }
}

function wordsOf(error: unknown): string {
  return codeOf(error) === 'EEXIST'
    ? 'another name that came before is the same here'
    : `this computer does not take its name: ${codeOf(error)}`
}
