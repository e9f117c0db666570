/** Files and folders, to the machine. */
import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { inspect } from 'node:util'

import { checkOptions, isMs, isText, isWhole } from '../../check-options.ts'
import { BenchawayError } from '../../errors.ts'
import type { Connection } from '../connection.ts'
import { bytesContent, fileContent } from './content.ts'
import { farPath } from './far-file.ts'
import { Meter } from './meter.ts'
import { bytesOf } from './names.ts'
import { type TransferOptions, type TransferReport, transferRules } from './options.ts'
import { special, unusable } from './push-failure.ts'
import { pushFile } from './push-file.ts'
import { pushTree } from './push-tree.ts'
import { scan } from './scan.ts'

export interface PushOptions extends TransferOptions {
  /** Permission bits of each file on the machine. @default its own; 0o644 for bytes */
  mode?: number | undefined
  /**
   * Names of files that say, as `.gitignore` does, what is left out of the folder that they lie in. They are sent
   * themselves, and so is `.git` unless it is excluded.
   * @default []
   */
  ignoreFiles?: readonly string[] | undefined
  /**
   * Sends what links lead to in place of the links, also out of the folder.
   * @default false: a link travels as a link
   */
  followLinks?: boolean | undefined
  /**
   * When the connection drops, the machine keeps what has arrived for so long, in milliseconds, for the transfer to go
   * on over the next connection; then it removes it. A single file goes on where it was cut, a folder with the files
   * that are missing. 0 keeps nothing, and the transfer fails.
   * @default 60_000
   */
  resumeMs?: number | undefined
}

/**
 * Puts a file or a folder on the machine, unless it is there already.
 *
 * Each file appears whole under its name or not at all, and takes the place of a file or a link that is there; a folder
 * that is not there yet appears whole itself, and one that is there keeps what else it holds, its mode and its time.
 * Modes, times of change and links are kept, owners are not: all belongs to the user of the login. Hard links become
 * copies, holes stay holes. What arrived is what was sent, or this fails: a local file that changes meanwhile is noticed
 * by its size and time. What a folder holds of transfers that are not done, under names such as
 * `.benchaway-0123456789ab.part`, is left out.
 *
 * @param source a local path, or the content of a file as bytes
 * @param destination of the file or folder itself; absolute, or relative to the login folder; `~` is not expanded. Its
 *   parent folder must be there
 * @throws {BenchawayError} `TRANSFER_FAILED` when something cannot be read here, has changed meanwhile, or arrived
 *   different; `CONNECTION_LOST`
 * @throws {CommandError} `DISK_FULL`, `ACCESS_DENIED`, `FILE_NOT_FOUND` or `COMMAND_FAILED`, with the machine's words
 */
export async function push(
  connection: Connection,
  source: string | Uint8Array,
  destination: string,
  options: PushOptions = {},
): Promise<TransferReport> {
  checkOptions('push()', options, {
    ...transferRules,
    mode: [isWhole(0, 0o7777), 'permission bits such as 0o755'],
    ignoreFiles: [
      (value) => Array.isArray(value) && value.every((name) => isText(name) && !name.includes('/')),
      "a list of file names such as ['.gitignore']",
    ],
    followLinks: [(value) => typeof value === 'boolean', 'true or false'],
    resumeMs: [isMs(0, 86_400_000), 'milliseconds up to 86400000'],
  })
  checkEnds(source, destination)
  options.signal?.throwIfAborted()
  const started = performance.now()
  const stats = typeof source === 'string' ? await statOf(source) : undefined
  const meter = new Meter(options.onProgress)
  const signal = AbortSignal.any([meter.failure, ...(options.signal ? [options.signal] : [])])
  const stoppable = { ...options, signal }
  try {
    signal.throwIfAborted()
    const report =
      typeof source === 'string' && stats?.isDirectory()
        ? await tree(connection, source, destination, stoppable, meter)
        : await file(connection, source, stats, destination, stoppable, meter)
    meter.done()
    meter.failure.throwIfAborted()
    return { ...report, durationMs: performance.now() - started }
  } catch (error) {
    meter.stopped()
    throw error
  }
}

async function tree(
  connection: Connection,
  source: string,
  destination: string,
  options: PushOptions,
  meter: Meter,
): Promise<Omit<TransferReport, 'durationMs'>> {
  const { mode, include, exclude = [], checksum = false, followLinks = false } = options
  const { ignoreFiles = [], resumeMs = 60_000, signal } = options
  const folder = bytesOf(path.resolve(source))
  return pushTree(connection, {
    folder,
    entries: scan(folder, { include, exclude, ignoreFiles, followLinks, signal }),
    farPath: farPath(destination).replace(/(?<=.)\/+$/, ''),
    path: destination,
    mode,
    checksum,
    followLinks,
    resumeMs,
    meter,
    signal,
  })
}

async function file(
  connection: Connection,
  source: string | Uint8Array,
  stats: Stats | undefined,
  destination: string,
  options: PushOptions,
  meter: Meter,
): Promise<Omit<TransferReport, 'durationMs'>> {
  const { checksum = false, resumeMs = 60_000, signal } = options
  // Opening a pipe would wait for somebody who writes into it.
  if (typeof source === 'string' && !stats?.isFile()) throw special(source)
  const content = typeof source === 'string' ? await fileContent(source) : bytesContent(source)
  try {
    const { size, mtimeNs } = content
    meter.on(bytesOf(destination))
    meter.totalBytes = size
    meter.totalFiles = 1
    const isSent = await pushFile(connection, {
      content,
      far: {
        path: farPath(destination),
        size,
        mode: options.mode ?? content.mode ?? 0o644,
        mtimeNs,
        sum: checksum ? await content.sum() : undefined,
      },
      path: destination,
      resumeMs,
      checksum,
      meter,
      signal,
    })
    meter.files = isSent ? 1 : 0
    meter.bytes = isSent ? size : 0
    return isSent ? { files: 1, bytes: size, skipped: 0 } : { files: 0, bytes: 0, skipped: 1 }
  } finally {
    await content.close()
  }
}

async function statOf(source: string): Promise<Stats> {
  try {
    return await stat(source)
  } catch (cause) {
    throw unusable(source, cause)
  }
}

/** What the type checker could not. */
function checkEnds(source: unknown, destination: unknown): void {
  if (typeof source !== 'string' && !(source instanceof Uint8Array)) {
    throw new BenchawayError('OPTION_INVALID', `push() cannot read ${inspect(source)}`, {
      hint: 'Give a local path, or bytes.',
    })
  }
  if (typeof destination === 'string' && destination !== '' && !destination.includes('\0')) return
  throw new BenchawayError('OPTION_INVALID', `push() cannot write to ${inspect(destination)}`, {
    hint: 'Give a path on the machine.',
  })
}
