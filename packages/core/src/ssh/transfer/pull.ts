/** Files and folders, from the machine. It is not trusted: nothing it sends lands outside of where it is to land. */
import path from 'node:path'

import { checkOptions, isWhole } from '../../check-options.ts'
import type { Connection } from '../connection.ts'
import { Answer } from './answer.ts'
import { planGlobs } from './far-globs.ts'
import { afterLine } from './first-line.ts'
import { fileHere } from './here.ts'
import { Meter } from './meter.ts'
import { type TransferOptions, type TransferReport, transferRules } from './options.ts'
import type { Done, PullContext } from './pull-context.ts'
import { lost, noArchive, nothingMatches } from './pull-failure.ts'
import { firstBytes } from './pull-file.ts'
import { FolderPull, shrinkWords } from './pull-folder.ts'
import { checkDestination, checkSource } from './pull-paths.ts'
import { listFolder, listScript, openScript, wholeFolder } from './pull-scripts.ts'
import { receive, wasLost } from './receive.ts'
import { Retries } from './retries.ts'
import type { Refused } from './safe-names.ts'
import type { Selection } from './selection.ts'
import { TarError } from './tar-fields.ts'

export interface PullOptions extends TransferOptions {
  /**
   * Permission bits of each file on this computer.
   * @default its own, without set-id and sticky bits and without writing by group and others
   */
  mode?: number | undefined
  /**
   * More files and folders than these are an error, and nothing remains; so are names and targets of links of more than
   * 256 bytes each on average. @default 1_000_000
   */
  maxFiles?: number | undefined
  /** More bytes than these are an error, and nothing remains; holes of files count. @default 68_719_476_736 */
  maxBytes?: number | undefined
}

/** What a pull did. */
export interface PullReport extends TransferReport {
  /**
   * What the machine has or sends and what is not here: names that lead out, links that do (or go up again after a
   * name), devices, pipes, names that mean the same file here. What an honest machine sends rarely has any.
   */
  readonly refused: readonly Refused[]
}

// An answer that takes so long comes over a long way, where one channel is not enough.
const longWayMs = 25

/**
 * Fetches a file or a folder from the machine, unless it is here already.
 *
 * Each file appears whole or not at all and takes the place of a file or a link that is here. A folder that is not here
 * yet appears whole itself; one that is here takes what comes file by file, and keeps its mode and what else it holds. A
 * link that is here is replaced, never followed. Modes and times of change are kept, and links that stay inside of the
 * folder; owners are not. Hard links become copies, holes stay holes. When the connection is lost and comes back, a
 * single file goes on where it was cut, and of a folder the files come that had not come whole; a single file with holes,
 * or one that says it is empty, is then lost. What
 * fails or is aborted leaves nothing half-written. A machine that is there and sends nothing is waited for until
 * `signal` ends it.
 *
 * A single file that is written to while it is read is an error. Of a folder, where logs grow all the time, such a file
 * comes as it was read, which may be a mixture of before and after; it is an error only when it has become shorter.
 * What other transfers have under way, `.benchaway-*.part` and `.end`, is left out.
 *
 * @param source on the machine: a file or a folder, absolute or relative to the login folder; `~` is not expanded. Or a
 *   list of globs for files and links, all absolute or all relative, as Node's `path.matchesGlob` reads them: what they
 *   match comes with its path below the folder that all globs have in common, so `['out/*.json']` fetches `out/a.json`
 *   as `a.json`
 * @param destination of the file or folder itself on this computer, for globs of a folder. Its parent folder must be
 *   there
 * @throws {BenchawayError} `TRANSFER_FAILED` when something cannot be read or written here, is too much, was changed
 *   meanwhile or is not what was announced; `FILE_NOT_FOUND` when nothing matches; `CONNECTION_LOST`
 * @throws {CommandError} `FILE_NOT_FOUND`, `ACCESS_DENIED` or `COMMAND_FAILED`, with the machine's words
 */
export async function pull(
  connection: Connection,
  source: string | readonly string[],
  destination: string,
  options: PullOptions = {},
): Promise<PullReport> {
  checkOptions('pull()', options, {
    ...transferRules,
    mode: [isWhole(0, 0o777), 'permission bits such as 0o755'],
    maxFiles: [isWhole(0, Number.MAX_SAFE_INTEGER), 'a whole number'],
    maxBytes: [isWhole(0, Number.MAX_SAFE_INTEGER), 'a whole number of bytes'],
  })
  checkSource(source)
  checkDestination(destination)
  const { include, exclude = [], checksum = false, mode } = options
  const { maxFiles = 1_000_000, maxBytes = 2 ** 36 } = options
  options.signal?.throwIfAborted()
  const started = performance.now()
  const meter = new Meter(options.onProgress)
  const signal = AbortSignal.any([meter.failure, ...(options.signal ? [options.signal] : [])])
  const context: PullContext = {
    connection,
    path: typeof source === 'string' ? source : source.join(', '),
    to: path.resolve(destination),
    limits: { maxFiles, maxBytes },
    meter,
    checksum,
    mode,
    signal,
  }
  const selection = { include, exclude, matches: undefined }
  try {
    signal.throwIfAborted()
    const done =
      typeof source === 'string'
        ? await pullPath(context, selection)
        : await pullGlobs(context, selection, source)
    meter.done()
    meter.failure.throwIfAborted()
    return { ...done, bytes: meter.bytes, durationMs: performance.now() - started }
  } catch (error) {
    meter.stopped()
    if (!(error instanceof TarError)) throw error
    throw noArchive(context.path, connection.target.host, error)
  }
}

async function pullPath(context: PullContext, selection: Selection): Promise<Done> {
  const { connection, path: source, signal } = context
  const { host } = connection.target
  const here = await fileHere(context)
  // One answer tells all of it where nothing can be left out.
  const inOne =
    !context.checksum &&
    selection.include === undefined &&
    selection.exclude.length === 0 &&
    here !== 'folder'
  const have = here === 'folder' ? undefined : here
  const script = openScript(
    source,
    { first: firstBytes, have, checksum: context.checksum, asArchive: true },
    inOne ? wholeFolder : listFolder,
  )
  const retries = new Retries()
  for (;;) {
    const answer = new Answer(context, selection, inOne, have !== undefined)
    try {
      const asked = performance.now()
      const onChunk = afterLine((line) => answer.begin(line, performance.now() - asked > longWayMs))
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const received = await retries.take(() =>
        receive(connection, script, onChunk, { signal, heed: shrinkWords }),
      )
      if (received === undefined || (wasLost(received) && !answer.hasBegun)) {
        retries.count(false, () => lost(source, host))
        continue
      }
      // oxlint-disable-next-line no-await-in-loop -- the last one
      return await answer.end(received)
    } catch (error) {
      // oxlint-disable-next-line no-await-in-loop -- the last one
      await answer.discard()
      throw error
    }
  }
}

async function pullGlobs(
  context: PullContext,
  selection: Selection,
  globs: readonly string[],
): Promise<Done> {
  const plan = planGlobs(globs)
  const tree = {
    base: plan.base,
    relist: listScript(plan.base, plan.folders),
    selection: { ...selection, matches: plan.matches },
  }
  // Nobody has answered yet: several channels do no harm.
  const folder = new FolderPull(context, tree, true)
  try {
    await folder.fetch()
    if (folder.isEmpty) throw nothingMatches(context.path, context.connection.target.host)
    return await folder.finish()
  } catch (error) {
    folder.discard()
    throw error
  }
}
