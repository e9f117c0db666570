import { type Stats, lstatSync, readFileSync, readlinkSync } from 'node:fs'
import { posix } from 'node:path'

/** What is at `path`, a symlink itself included; `undefined` when nothing is, or nothing can be. */
export function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch {
    // A file stands where a directory was expected.
    return undefined
  }
}

export const exists = (path: string): boolean => look(path) !== undefined

/** Whether a directory, not a symlink to one, is there. */
export const isDirectory = (path: string): boolean => look(path)?.isDirectory() === true

/** Target of a symlink; `undefined` when `path` is none. */
export const linkTarget = (path: string): string | undefined =>
  look(path)?.isSymbolicLink() === true ? readlinkSync(path) : undefined

/** Text of a file; `undefined` when it cannot be read. */
export function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Whether absolute `path` is `directory` or below it; both without `..` once normalized. */
export function isInside(path: string, directory: string): boolean {
  const relative = posix.relative(directory, path)
  return relative !== '..' && !relative.startsWith('../')
}
