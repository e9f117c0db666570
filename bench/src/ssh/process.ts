import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** A command that is killed when the process that spawned it dies, however that comes. */
export function dyingWithUs(
  program: string,
  args: readonly string[],
): [program: string, args: string[]] {
  return ['setpriv', ['--pdeathsig', 'KILL', program, ...args]]
}

/** Ends a process, and all that it started in its group when it leads one. */
export async function kill(child: ChildProcess, isGroup = false): Promise<void> {
  if (child.pid === undefined) return
  const isGone = child.exitCode !== null || child.signalCode !== null
  const exit = isGone ? undefined : once(child, 'exit')
  try {
    process.kill(isGroup ? -child.pid : child.pid, 'SIGKILL')
  } catch {
    // All of them have ended.
  }
  await exit
}
