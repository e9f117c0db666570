/** Globs for what is on the machine. They are matched here; there, only the folders are listed in which they can match. */
import path from 'node:path'

import { textOf } from './names.ts'

export interface GlobPlan {
  /** The folder on the machine that all globs have in common; names are relative to it. */
  readonly base: string
  /** Below `base`, and how many folders deep. */
  readonly folders: readonly { readonly path: string; readonly depth: number }[]
  readonly matches: (name: string) => boolean
}

const magic = /[*?[\]{}()!+@\\]/

/** @param globs all absolute, or all relative to the login folder */
export function planGlobs(globs: readonly string[]): GlobPlan {
  const all = globs.map((glob) => {
    const segments = path.posix.normalize(glob).split('/')
    const first = segments.findIndex((segment) => magic.test(segment))
    // The last one names a file, with or without magic.
    return { segments, fixed: first === -1 ? segments.length - 1 : first }
  })
  const [one] = all
  let common = Math.min(...all.map(({ fixed }) => fixed))
  while (all.some(({ segments }) => !startsAlike(segments, one?.segments ?? [], common))) common--
  const patterns = all.map(({ segments }) => segments.slice(common).join('/'))
  const folders = new Map<string, number>()
  for (const { segments, fixed } of all) {
    const folder = segments.slice(common, fixed).join('/')
    const rest = segments.slice(fixed)
    const depth = rest.some((segment) => segment.includes('**')) ? Infinity : rest.length
    folders.set(folder, Math.max(depth, folders.get(folder) ?? 0))
  }
  const base = one?.segments.slice(0, common).join('/') ?? ''
  return {
    base: base === '' ? (globs[0]?.startsWith('/') === true ? '/' : '.') : base,
    folders: Array.from(folders, ([folder, depth]) => ({ path: folder, depth })),
    matches: (name) => {
      const text = textOf(name)
      return patterns.some((pattern) => path.posix.matchesGlob(text, pattern))
    },
  }
}

function startsAlike(one: readonly string[], other: readonly string[], length: number): boolean {
  return one.slice(0, length).every((segment, index) => segment === other[index])
}
