import path from 'node:path'

import { textOf } from './names.ts'

/** What of a folder is wanted, by name. */
export interface Selection {
  readonly include: readonly string[] | undefined
  readonly exclude: readonly string[]
  /** Instead of everything in a folder, what matches globs. */
  readonly matches: ((name: string) => boolean) | undefined
}

/** Whether it, and no folder that it is in, is excluded. */
export function isExcluded(name: string, { exclude }: Selection): boolean {
  if (exclude.length === 0) return false
  for (let end = name.indexOf('/'); ; end = name.indexOf('/', end + 1)) {
    const text = textOf(end === -1 ? name : name.slice(0, end))
    if (exclude.some((glob) => path.posix.matchesGlob(text, glob))) return true
    if (end === -1) return false
  }
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
