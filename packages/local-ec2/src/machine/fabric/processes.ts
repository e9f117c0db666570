/** The processes of one machine, seen from outside: all that are in its network namespace, which none can leave. */
import { readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

import { read } from './files.ts'

/** @param namespace such as `net:[4026532281]` */
export function processesIn(namespace: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && namespaceOf(pid) === namespace)
}

/** Its program and arguments, as it calls them itself. */
export const commandOf = (pid: number): string =>
  read(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ') ?? ''

/** What its program is called, or what it calls itself. */
export const nameOf = (pid: number): string => read(`/proc/${pid}/comm`)?.trim() ?? ''

/** Stops every one of them; what is started meanwhile is found in the next round. */
export async function freeze(namespace: string): Promise<void> {
  for (;;) {
    // One that the kernel is busy for (D) stops when that is over.
    const awake = processesIn(namespace).filter((pid) => 'RS'.includes(stateOf(pid)))
    if (awake.length === 0) return
    for (const pid of awake) send(pid, 'SIGSTOP')
    await sleep(1)
  }
}

export function send(pid: number, signal: NodeJS.Signals | number): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended by itself meanwhile.
  }
}

function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`)
  } catch {
    // Gone, or almost.
    return undefined
  }
}

/** `X` for one that is gone. */
function stateOf(pid: number): string {
  // The second field is a name in parentheses, which may hold anything.
  return read(`/proc/${pid}/stat`)?.split(') ').at(-1)?.[0] ?? 'X'
}
