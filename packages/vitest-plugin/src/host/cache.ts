import { randomBytes } from 'node:crypto'
import { access, mkdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/**
 * Where things lie that can always be made again: `$XDG_CACHE_HOME/benchaway`, by default `~/.cache/benchaway`. An empty
 * or relative variable counts as none.
 *
 * @see https://specifications.freedesktop.org/basedir-spec/latest/#variables
 */
export function cacheFolder(variables: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CACHE_HOME: given = '' } = variables
  return join(isAbsolute(given) ? given : join(homedir(), '.cache'), 'benchaway')
}

/**
 * A file of the cache, made on first use. It appears whole or not at all, also when two runs make it at once.
 *
 * @param name says all that its content depends on
 * @param make writes the file at the path it is given, where a folder of its own is free to use beside it
 * @returns its path
 */
export async function cached(name: string, make: (path: string) => Promise<void>): Promise<string> {
  const folder = cacheFolder()
  const path = join(folder, name)
  const there = await access(path).then(
    () => true,
    () => false,
  )
  if (there) return path
  const work = join(folder, `tmp-${randomBytes(6).toString('hex')}`)
  await mkdir(work, { recursive: true })
  try {
    const made = join(work, name)
    await make(made)
    await rename(made, path)
    return path
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
