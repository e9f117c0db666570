/** What a failure on a machine or on the way to it means, and what a person can do about it. */
import type { Readable } from 'node:stream'

import { BenchawayError, type ErrorCode } from '../errors.ts'
import { hintWhenLost } from './lost.ts'

export interface Explanation {
  readonly code: ErrorCode
  /** What to do next, as one sentence. */
  readonly hint: string
}

// libc's words in the C locale. The first that fits counts: a full disk is the reason of what else is complained of.
const words: readonly (readonly [said: RegExp, code: ErrorCode, hint: string])[] = [
  [
    /No space left on device/,
    'DISK_FULL',
    'Make room on the machine, or launch it with a larger volume: `df -h` and `df -i` there say what is full.',
  ],
  [
    /Disk quota exceeded/,
    'DISK_FULL',
    'Make room on the machine: its user may not store more there.',
  ],
  [
    /Read-only file system/,
    'ACCESS_DENIED',
    'Use another folder: nobody may write to that file system.',
  ],
  [
    /Permission denied|Operation not permitted/,
    'ACCESS_DENIED',
    'Use a path that the user of the login may use, or let a command with sudo change whose it is.',
  ],
  [
    /No such file or directory|Not a directory/,
    'FILE_NOT_FOUND',
    'Check the path, and that the folders in it are there.',
  ],
]

/**
 * What the last words of a command mean.
 *
 * @param stderr what a command said that ran with `LC_ALL=C`; other languages are not understood
 * @returns `undefined` for words that say nothing known
 */
export function explainWords(stderr: string): Explanation | undefined {
  for (const [said, code, hint] of words) {
    if (said.test(stderr)) return { code, hint }
  }
  return undefined
}

/** A failure of the way to a machine: what it means, and what to do about it. */
export interface Reason extends Explanation {
  /** A clause, to follow what failed and where. */
  readonly message: string
}

/**
 * What ssh2 or a socket means by the error that it gives.
 *
 * @returns `undefined` for what is not known, and for our own errors, which say it themselves
 */
export function explain(error: unknown): Reason | undefined {
  if (!(error instanceof Error) || error instanceof BenchawayError) return undefined
  const code: unknown = 'code' in error ? error.code : undefined
  const level: unknown = 'level' in error ? error.level : undefined
  return reasons.find(({ is }) => is(error.message, code, level))?.reason
}

interface Known {
  readonly is: (message: string, code: unknown, level: unknown) => boolean
  readonly reason: Reason
}

const reasons: readonly Known[] = [
  {
    is: (message) => message.includes('Exceeded MaxStartups'),
    reason: {
      code: 'SSH_FULL',
      message: 'its sshd has too many logins under way',
      hint: 'Look who else logs in there all the time, or raise MaxStartups in its sshd_config.',
    },
  },
  {
    is: (message) => message.includes('Not allowed at this time'),
    reason: {
      code: 'SSH_FULL',
      message: 'its sshd shuts this computer out for a while',
      hint: 'Wait some minutes: too many logins from your address have failed (PerSourcePenalties in its sshd_config).',
    },
  },
  {
    is: (message) => message === 'Keepalive timeout',
    reason: {
      code: 'CONNECTION_LOST',
      message: 'it does not answer any more',
      hint: hintWhenLost,
    },
  },
  {
    is: (message, code) => code === 'ECONNREFUSED',
    reason: {
      code: 'SSH_UNREACHABLE',
      message: 'nobody listens there',
      hint: 'Look at the console of the machine: it is there, and its sshd is not.',
    },
  },
  {
    is: (message, code) => code === 'EHOSTUNREACH' || code === 'ENETUNREACH',
    reason: {
      code: 'SSH_UNREACHABLE',
      message: 'there is no way to that address',
      hint: 'Check your own network, and that the machine has an address that it reaches.',
    },
  },
  {
    is: (message, code, level) => code === 'ETIMEDOUT' || level === 'client-timeout',
    reason: {
      code: 'SSH_UNREACHABLE',
      message: 'nobody answers',
      hint: 'Check that the security group lets your address in on that port, and that your network lets you out to it.',
    },
  },
  {
    is: (message, code) => code === 'ECONNRESET' || message === 'Connection lost before handshake',
    reason: {
      code: 'SSH_UNREACHABLE',
      message: 'whoever listens there hangs up before any greeting of an ssh server',
      hint: 'Check that it is sshd who listens there, that it lets your address in, and that not too many log in there at once (MaxStartups).',
    },
  },
]

const mostWords = 255

/**
 * What the far side says in place of an ssh server's greeting, such as `Exceeded MaxStartups`; ssh2 keeps it to itself.
 *
 * @param stream before anything was read from it, and paused
 * @returns tells what was heard: an empty text when it was a greeting, or nothing
 */
export function hearRefusal(stream: Readable): () => string {
  let heard = ''
  const hear = (chunk: Buffer): void => {
    heard += chunk.toString('latin1', 0, mostWords)
    if (heard.length >= mostWords || heard.startsWith('SSH-')) stream.off('data', hear)
  }
  stream.on('data', hear)
  return () => (/^SSH-/m.test(heard) ? '' : heard.replaceAll(/[^\x20-\x7E]+/g, ' ').trim())
}
