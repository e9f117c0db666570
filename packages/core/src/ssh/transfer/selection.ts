import path from 'node:path'

import { textOf } from './names.ts'

/** What of a folder is wanted, by name. */
export interface Selection {
  readonly include: readonly string[] | undefined
  readonly exclude: readonly string[]
  /** Instead of everything in a folder, what matches globs. */
  readonly matches: ((name: string) => boolean) | undefined
}

// Node reads a glob anew for each name, and of folders the same ones are asked for again and again.
const foldersOf = new WeakMap<Selection, Map<string, boolean>>()

/** Whether it, or a folder that it is in, is excluded. */
export function isExcluded(name: string, selection: Selection): boolean {
  if (selection.exclude.length === 0) return false
  const folders = foldersOf.get(selection) ?? new Map<string, boolean>()
  foldersOf.set(selection, folders)
  let isIn = false
  for (let end = name.indexOf('/'); end !== -1 && !isIn; end = name.indexOf('/', end + 1)) {
    const folder = name.slice(0, end)
    isIn = folders.get(folder) ?? isNamed(folder, selection)
    folders.set(folder, isIn)
  }
  return isIn || isNamed(name, selection)
}

function isNamed(name: string, { exclude }: Selection): boolean {
  const text = textOf(name)
  return exclude.some((glob) => path.posix.matchesGlob(text, glob))
}

/** For what is no folder. */
export function isIncluded(name: string, { include, matches }: Selection): boolean {
  if (matches?.(name) === false) return false
  const text = textOf(name)
  return include?.some((glob) => path.posix.matchesGlob(text, glob)) ?? true
}

/** Whether folders come for their own sake. */
export function hasAllFolders({ include, matches }: Selection): boolean {
  return include === undefined && matches === undefined
}
