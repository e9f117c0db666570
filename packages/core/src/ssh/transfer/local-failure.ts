import { BenchawayError, messageOf } from '../../errors.ts'

const hints: Readonly<Record<string, string>> = {
  ENOSPC: 'Make room on this computer, or pull into a folder on another disk.',
  EDQUOT: 'Make room on this computer: your quota is used up.',
  EACCES: 'Pull into a folder that you may write to.',
  EPERM: 'Pull into a folder that you may write to.',
  EROFS: 'Pull into a folder that you may write to.',
  ENOENT: 'Make the folder that it is to lie in first.',
  EISDIR: 'Name the file that is to be written: a folder is there.',
  ENOTEMPTY: 'Pull it again: something has taken its place meanwhile.',
  EXDEV: 'Pull into a folder with nothing mounted below it.',
}

/** What this computer refuses, for people. */
export function localFailure(path: string, cause: unknown): BenchawayError {
  return new BenchawayError(
    'TRANSFER_FAILED',
    `${path} cannot be written on this computer: ${messageOf(cause)}`,
    { hint: hints[codeOf(cause) ?? ''], cause },
  )
}

/** What is here cannot be looked at, so that nobody knows whether it is what is pulled. */
export function unreadable(path: string, cause: unknown): BenchawayError {
  return new BenchawayError(
    'TRANSFER_FAILED',
    `${path} cannot be read on this computer: ${messageOf(cause)}`,
    { hint: 'Remove it first, or pull to another place.', cause },
  )
}

/** Such as `ENOSPC`; undefined for what no system call said. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined
}
