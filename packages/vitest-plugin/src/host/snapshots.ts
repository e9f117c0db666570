import { mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'

import { PluginError } from '../errors.ts'
import type { SnapshotAnswer, SnapshotRequest } from '../wire/messages.ts'
import { isInside } from './gate.ts'

export interface SnapshotsOptions {
  /** Folder of the Vitest project. */
  readonly root: string
  /** Snapshot files that Vitest itself chose for the bench files of this worker. */
  readonly chosen: ReadonlySet<string>
  /** Bench files of this worker, which inline snapshots rewrite. */
  readonly benchFiles: ReadonlySet<string>
}

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
  throw new PluginError(
    'REQUEST_REFUSED',
    `a machine may not write the snapshot ${path}: only *.snap and __snapshots__ folders of the project are snapshots`,
  )
}

/** Where a file would really lie, although it may not exist yet. */
function realOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(realOf(parent), basename(path))
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
