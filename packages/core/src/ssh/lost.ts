import { BenchawayError } from '../errors.ts'
import type { SshTarget } from './connection.ts'

export const hintWhenLost = 'Check that the machine still runs, and your own network.'

/** There is no connection any more. */
export function lost({ host, port }: SshTarget, cause?: unknown): BenchawayError {
  return new BenchawayError(
    'CONNECTION_LOST',
    `the ssh connection to ${host} port ${port} is gone`,
    { hint: hintWhenLost, cause },
  )
}
