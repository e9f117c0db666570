import type { CommandResult } from './command.ts'
import type { FarLineOptions } from './far-line.ts'

/** What a person can do about a command that never ran. */
export function notStarted(
  { stdout, stderr }: CommandResult,
  user: string,
  { before, cwd, sudo }: FarLineOptions,
): string {
  const words = stderr || stdout
  if (before !== undefined && /^port \d+ is taken already\r?$/m.test(words)) {
    return 'Stop the other server first, or choose another port.'
  }
  if (sudo !== undefined && sudo !== false && /^sudo:|: sudo: /m.test(words)) {
    return `Let user ${user} use sudo without a password (NOPASSWD in sudoers), or leave the option 'sudo' out.`
  }
  if (cwd !== undefined) return `Check that ${cwd} is a folder that the user may enter.`
  return `Check that user ${user} has a login shell, and what its start-up files do.`
}
