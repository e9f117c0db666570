import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'

import { exists } from './files.ts'

const root = '/run/runc'

/**
 * Runs the container of a bundle to its end.
 *
 * @param pidFile where the id of its first process is written
 * @param output a file descriptor, which becomes its standard output and error
 * @returns `code`: as runc has it, 128 and the signal for a first process that was killed
 */
export function runContainer(
  bundle: string,
  pidFile: string,
  id: string,
  output: number,
): { child: ChildProcess; code: Promise<number | null> } {
  const runc = ['runc', '--root', root, '--rootless=true', 'run', '--no-new-keyring']
  const args = [...ownClock(), '--fork', '--kill-child', '--', ...runc]
  args.push('--bundle', bundle, '--pid-file', pidFile, id)
  const child = spawn('unshare', args, { stdio: ['ignore', output, output] })
  const code = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', resolve)
  })
  return { child, code }
}

/** Removes what a runc that was killed has left behind: the next one would find its name taken. */
export function forget(id: string): void {
  rmSync(`${root}/${id}`, { recursive: true, force: true })
}

/** Highest number of open files that a container may ask for. */
export function maxFiles(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(limits)?.[1] ?? 1024)
}

/** Uptime inside starts at nought, as a machine's does and as timers in user-data expect. */
function ownClock(): string[] {
  if (!exists('/proc/self/ns/time')) return []
  const uptime = Math.floor(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]))
  return ['--time', '--boottime', String(-uptime)]
}
