import { execFile } from 'node:child_process'

/**
 * What in `directories` not everyone may read, a directory without what is in it. Other file systems are left
 * out: they do not show through an overlay anyway.
 */
export function unreadable(directories: readonly string[]): Promise<string[]> {
  const test = ['-xdev', '!', '-perm', '-o=r', '!', '-type', 'l', '-prune', '-print0']
  return new Promise((resolve, reject) => {
    execFile('find', [...directories, ...test], { maxBuffer: 64 << 20 }, (error, stdout) => {
      // A file that goes away meanwhile is an error to find, and no loss to us.
      if (error !== null && typeof error.code !== 'number') reject(error)
      else resolve(stdout.split('\0').filter((path) => path !== ''))
    })
  })
}
