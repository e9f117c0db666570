/**
 * A network namespace that is there before a process of the machine is, and for machines of images the user namespace
 * that it belongs to.
 *
 * Their root may change its network. In a user namespace that it shared with the fabric and the other machines it could
 * reach all their interfaces, too: netlink takes requests for any namespace that the caller's rights extend to.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'

import { words } from '../words.ts'
import { exists } from './files.ts'
import { run } from './run.ts'

/** Where `ip netns` keeps the handle of a namespace. */
export const namespaceFile = (id: string): string => `/run/netns/${id}`
export const userNamespaceFile = (id: string): string => `/run/userns/${id}`

/** What the processes in a namespace call it in `/proc/PID/ns/net`. */
export const namespaceName = (id: string): string => `net:[${statSync(namespaceFile(id)).ino}]`

export async function addNamespaces(id: string, { ownUser }: { ownUser: boolean }): Promise<void> {
  if (!ownUser) {
    await run('ip', ['netns', 'add', id])
    return
  }
  // The handles keep the namespaces; until there are some, a process does.
  const args = words('--user --net -- sh -c').concat('echo; read -r _')
  const keeper = spawn('unshare', args, { stdio: ['pipe', 'pipe', 'pipe'] })
  try {
    const pid = await started(keeper)
    for (const which of ['uid', 'gid']) {
      const extents = ownIds(which).map(({ first, size }) => `${first} ${first} ${size}\n`)
      writeFileSync(`/proc/${pid}/${which}_map`, extents.join(''))
    }
    writeFileSync(userNamespaceFile(id), '')
    await Promise.all([
      run('ip', ['netns', 'attach', id, String(pid)]),
      run('mount', ['--bind', `/proc/${pid}/ns/user`, userNamespaceFile(id)]),
    ])
  } finally {
    keeper.stdin?.end()
  }
}

export async function removeUserNamespace(id: string): Promise<void> {
  if (!exists(userNamespaceFile(id))) return
  await run('umount', ['--lazy', userNamespaceFile(id)]).catch(() => {})
  rmSync(userNamespaceFile(id), { force: true })
}

interface Extent {
  first: number
  size: number
}

/** What there is in the fabric's own user namespace: a machine's is no smaller, and every id is the same in it. */
export function ownIds(which: string): Extent[] {
  const lines = readFileSync(`/proc/self/${which}_map`, 'utf8').trim().split('\n')
  return lines.map((line) => {
    const [first = 0, , size = 0] = words(line).map(Number)
    return { first, size }
  })
}

async function started(child: ChildProcess): Promise<number> {
  let complaint = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint += text))
  child.stdin?.on('error', () => {})
  await Promise.race([
    child.stdout === null ? undefined : once(child.stdout, 'data'),
    once(child, 'close').then(() => {
      throw new Error(`a machine's namespaces cannot be made: ${complaint.trim()}`)
    }),
  ])
  return child.pid ?? 0
}
