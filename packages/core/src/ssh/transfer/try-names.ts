import fs from 'node:fs'
import path from 'node:path'

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants

/**
 * What a file system makes of names and modes.
 *
 * @returns whether it takes names for the same that differ in case or composition, and which bits new files lack
 */
export function tryNames(folder: string): { folds: boolean; umask: number } {
  const file = path.join(folder, 'tri\u00e9')
  const fd = fs.openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o777)
  const umask = 0o777 & ~fs.fstatSync(fd).mode
  fs.closeSync(fd)
  const others = ['TRI\u00c9', 'trie\u0301']
  const folds = others.some((other) => fs.existsSync(path.join(folder, other)))
  fs.rmSync(file)
  return { folds, umask }
}
