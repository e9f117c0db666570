/** The directory of built Debians: what is in use stays, what nobody needs any more goes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { join } from 'node:path'

const unusedMs = 30 * 24 * 3_600_000

/** Its lock says when it was last used. */
export function markAsUsed(finished: string): void {
  closeSync(openSync(`${finished}.lock`, 'a'))
  utimesSync(`${finished}.lock`, new Date(), new Date())
}

/**
 * Removes half-built ones whose builder is gone, and finished ones that nobody has asked for in thirty days, such as those of
 * package sources that are not this computer's any more.
 */
export async function tidyCache(cache: string): Promise<void> {
  for (const name of readdirSync(cache)) {
    const path = join(cache, name)
    const [, what, pid, start] = /^((?:rootfs|image)-\w+-\w+)(?:\.(\d+)-(\d+))?$/.exec(name) ?? []
    if (what === undefined) continue
    if (pid !== undefined) {
      // oxlint-disable-next-line no-await-in-loop -- there are hardly ever any
      if (startOf(Number(pid)) !== start) await remove(path)
    } else if (Date.now() - lastUse(path) > unusedMs) {
      // With the name of a half-built one: should this process end now, the next one goes on.
      const doomed = `${path}.${process.pid}-${startOf(process.pid)}`
      renameSync(path, doomed)
      rmSync(`${path}.lock`, { force: true })
      // oxlint-disable-next-line no-await-in-loop -- there are hardly ever any
      await remove(doomed)
    }
  }
}

function lastUse(path: string): number {
  const lock = statSync(`${path}.lock`, { throwIfNoEntry: false })
  // Another process may have removed it just now.
  return (lock ?? statSync(path, { throwIfNoEntry: false }))?.mtimeMs ?? Date.now()
}

/** Its files belong to this user's subordinates. */
async function remove(directory: string): Promise<void> {
  const args = ['--user', '--map-root-user', '--map-auto', '--', 'rm', '-rf', '--', directory]
  const child = spawn('unshare', args, { stdio: 'ignore' })
  child.once('error', () => {})
  await once(child, 'close')
}

/** When a process started, in ticks since boot; with its id that names it for ever. */
function startOf(pid: number): string | undefined {
  try {
    // The second field is a name in parentheses, which may hold anything.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19]
  } catch {
    return undefined
  }
}
