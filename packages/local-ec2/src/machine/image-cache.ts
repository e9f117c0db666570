/** The directory of built Debians: what is in use stays, what nobody needs any more goes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'

const unusedMs = 30 * 24 * 3_600_000

/** Its lock says when it was last used; where that cannot be written, nobody removes anything either. */
export function markAsUsed(finished: string): void {
  try {
    closeSync(openSync(`${finished}.lock`, 'a'))
    utimesSync(`${finished}.lock`, new Date(), new Date())
  } catch {
    // A cache that others fill, or that may only be read.
  }
}

/**
 * Removes half-built ones whose builder is gone, and finished ones that nobody has asked for in thirty days, such as those of
 * package sources that are not this computer's any more. What cannot be removed stays. Never rejects.
 */
export async function tidyCache(cache: string): Promise<void> {
  for (const name of list(cache)) {
    const [, what, half] = /^((?:rootfs|image)-\w+-\w+)(?:\.(?!lock$)(\S+))?$/.exec(name) ?? []
    if (what === undefined) continue
    const finished = join(cache, what)
    // oxlint-disable no-await-in-loop -- there are hardly ever any
    if (half !== undefined) await unlessInUse(finished, removeHalf, join(cache, name))
    else if (Date.now() - lastUse(finished) > unusedMs) {
      await unlessInUse(finished, expire, finished, `${finished}.expired`)
    }
    // oxlint-enable no-await-in-loop
  }
}

const removeHalf = 'rm -rf -- "$0"'

/** By another name first: should this process end now, no one takes the rest for a whole one. */
const expire = 'rm -rf -- "$1" && mv -T -- "$0" "$1" && rm -rf -- "$1"'

/**
 * Runs a command on files that belong to this user's subordinates, while nobody else builds or removes that Debian. Whoever
 * does holds its lock, which the kernel frees with its holder, and which processes of other containers see as well. The
 * lock itself stays: who waits for one that was removed would not exclude who makes the next.
 */
async function unlessInUse(finished: string, script: string, ...args: string[]): Promise<void> {
  const inside = ['unshare', '--user', '--map-root-user', '--map-auto', '--', 'sh', '-c', script]
  const child = spawn('flock', ['--nonblock', `${finished}.lock`, ...inside, ...args], {
    stdio: 'ignore',
  })
  child.once('error', () => {})
  await once(child, 'close')
}

function list(cache: string): string[] {
  try {
    return readdirSync(cache)
  } catch {
    return []
  }
}

function lastUse(finished: string): number {
  const lock = statSync(`${finished}.lock`, { throwIfNoEntry: false })
  // Another process may have removed it just now.
  return (lock ?? statSync(finished, { throwIfNoEntry: false }))?.mtimeMs ?? Date.now()
}
