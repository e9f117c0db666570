/** What runs on this computer, which is the machine as well, since sshd listens on loopback. */
import { readdirSync, readFileSync } from 'node:fs'

import type { Connection } from '../../src/ssh/connection.ts'
import { exec } from '../../src/ssh/exec.ts'

/** Ids of the live processes that were started with this text in their environment or their arguments. */
export function living(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isAlive(pid) && mentions(pid, text))
}

export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

function mentions(pid: number, text: string): boolean {
  return ['environ', 'cmdline'].some((name) => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, 'latin1').includes(text)
    } catch {
      return false
    }
  })
}

/** Cuts the connection, as a network or a machine that goes away does: kills sshd's own process for it. */
export async function cut(connection: Connection): Promise<void> {
  const { stdout } = await exec(connection, 'echo $PPID')
  process.kill(Number(stdout), 'SIGKILL')
}

/** How many processes sshd runs for the connection. */
export function commandsOf(server: number): number {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === server
      } catch {
        return false
      }
    }).length
}
