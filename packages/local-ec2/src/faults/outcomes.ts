/** Faults of what comes of a call: its answer is late, lost, or a refusal. */
import { setTimeout } from 'node:timers/promises'

import { ApiError, Hangup } from '../query/api-error.ts'
import { wordsOf } from './error-words.ts'
import type { Delay, Drop, Failure } from './fault.ts'
import type { Interception } from './interception.ts'

export function drop({ drop: when }: Drop): Interception {
  return async ({ proceed, strike }) => {
    // An answer is lost whether it is good or bad news.
    if (when === 'after-commit') await proceed().catch(() => {})
    strike()
    throw new Hangup()
  }
}

export function delay({ delayMs, delay: when = 'before-commit' }: Delay): Interception {
  return async ({ proceed, strike, removed }) => {
    // Ends early when the fault is removed.
    const pause = (): Promise<void> =>
      setTimeout(delayMs, undefined, { signal: removed }).catch(() => {})
    strike()
    if (when === 'before-commit') {
      await pause()
      return proceed()
    }
    try {
      return await proceed()
    } finally {
      await pause()
    }
  }
}

export function failure({ error: code, message, status }: Failure): Interception {
  return async ({ call, input, strike }) => {
    strike()
    throw new ApiError(code, message ?? wordsOf(code, call, input) ?? code, status)
  }
}

export function expiredCredentials(): Interception {
  return async (struck) => {
    // EC2 says it as of a request; every other service says it of the token.
    const error = struck.call.service === 'ec2' ? 'RequestExpired' : 'ExpiredToken'
    return failure({ error })(struck)
  }
}
