import { mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, extname, relative, sep } from 'node:path'

import { PluginError } from '../errors.ts'
import type { SnapshotAnswer, SnapshotRequest } from '../wire/messages.ts'
import { isInside, realOf } from './gate.ts'

export interface SnapshotsOptions {
  /** Folder of the Vitest project. */
  readonly root: string
  /** Snapshot files that Vitest itself chose for the bench files of this worker. */
  readonly chosen: ReadonlySet<string>
  /** Bench files of this worker, which inline snapshots rewrite. */
  readonly benchFiles: ReadonlySet<string>
  /** What the user lets Vitest change: everything (`-u`), what is new, or nothing (as in CI). */
  readonly updateSnapshot: 'all' | 'new' | 'none'
}

// What no tool executes or takes its settings from.
const plainData = new Set(
  'bmp css csv diff gif htm html jpeg jpg json log md out png sql svg tsv txt webp xml'.split(' '),
)
const settings =
  /^(?:package|project|composer|deno|nx|turbo|lerna|[jt]sconfig\b.*|.*\bconfig)\.json$/i
const inlineMatcher = /\btoMatchInlineSnapshot\b|\btoThrowErrorMatchingInlineSnapshot\b/
// Vitest evaluates a snapshot file as code when it reads it, so it must be nothing but constants.
const constant = String.raw`\`(?:[^\`\\$]|\\[^]|\$(?!\{))*\``
const snapFile = new RegExp(
  String.raw`^(?:// [\w ,:/.-]*\n)?(?:\n|exports\[${constant}\] = ${constant};)*$`,
)

/**
 * Reads and writes snapshot files for a worker. A machine could otherwise write a config file, and so run code here.
 */
export function answerSnapshot(
  request: SnapshotRequest,
  options: SnapshotsOptions,
): SnapshotAnswer {
  const { id, action, path, text = '' } = request
  try {
    checkPath(path, options)
    if (action === 'read') return { benchaway: 'answer', id, text: readIfThere(path) }
    checkChange(request, options)
    if (action === 'remove') rmSync(path, { force: true })
    else {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    }
    return { benchaway: 'answer', id, text: null }
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error)
    return { benchaway: 'answer', id, text: null, error: words }
  }
}

function checkPath(path: string, { root, chosen, benchFiles }: SnapshotsOptions): void {
  const real = realOf(path)
  const below = relative(realpathSync(root), real).split(sep)
  const named =
    real.endsWith('.snap') ||
    below.includes('__snapshots__') ||
    chosen.has(path) ||
    benchFiles.has(path)
  const hidden = below.some((part) => part.startsWith('.') || part === 'node_modules')
  if (named && !hidden && isInside(real, realpathSync(root))) return
  throw refusal(path, 'only *.snap and __snapshots__ folders of the project are snapshots')
}

function checkChange(
  { action, path, text = '' }: SnapshotRequest,
  { chosen, benchFiles, updateSnapshot }: SnapshotsOptions,
): void {
  const before = readIfThere(path)
  const replaces = before !== null
  if (updateSnapshot === 'none') throw refusal(path, 'this run may not change snapshots')
  if (benchFiles.has(path)) {
    const inline = updateSnapshot === 'all' || inlineMatcher.test(before ?? '')
    if (action === 'save' && inline) return
    throw refusal(path, 'a bench file changes only for its inline snapshots')
  }
  const real = realOf(path)
  if (real.endsWith('.snap') || chosen.has(path)) {
    if (action === 'remove' || snapFile.test(text)) return
    throw refusal(path, 'it would hold more than snapshots')
  }
  const isPlain =
    plainData.has(extname(real).slice(1).toLowerCase()) && !settings.test(basename(real))
  if (!isPlain) throw refusal(path, 'its name says that it is no plain data')
  if (replaces && updateSnapshot !== 'all') throw refusal(path, 'only `-u` replaces a file')
}

function refusal(path: string, reason: string): PluginError {
  return new PluginError(
    'REQUEST_REFUSED',
    `a machine may not write the snapshot ${path}: ${reason}`,
  )
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
