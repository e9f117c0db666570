/** Why a push failed, for people. */
import { BenchawayError, messageOf } from '../../errors.ts'
import { CommandError, type CommandResult } from '../command.ts'
import { explainWords } from '../explain.ts'
import { hintWhenLost } from '../lost.ts'

/** With the machine's own words. */
export function refusedThere(path: string, host: string, result: CommandResult): CommandError {
  const isFolder = /Is a directory|overwrite directory/.test(result.stderr)
  // GNU tar has these words, and no reason, when there was room for a part of what it wrote.
  const said = result.stderr.replace(/Wrote only \d+ of \d+ bytes/, '$&: No space left on device')
  const known = isFolder ? undefined : explainWords(said)
  const hint = isFolder ? 'Name the file itself: there is a folder of that name.' : known?.hint
  const reason = `${path} could not be pushed to ${host}`
  return new CommandError(
    known?.code ?? 'COMMAND_FAILED',
    reason,
    // Our script is of no use to who reads it.
    { ...result, command: `push ${path}`, stderr: said },
    undefined,
    hint,
  )
}

/** What lies on this computer cannot be read. */
export function unusable(path: string, cause: unknown): BenchawayError {
  return new BenchawayError(
    'TRANSFER_FAILED',
    `${path} cannot be used on this computer: ${messageOf(cause)}`,
    { cause },
  )
}

export function changed(path: string): BenchawayError {
  return new BenchawayError('TRANSFER_FAILED', `${path} was changed while it was pushed`, {
    hint: 'Push it when nobody writes it any more.',
  })
}

/** A socket, a pipe or a device. */
export function special(path: string): BenchawayError {
  return new BenchawayError('TRANSFER_FAILED', `${path} is no file, folder or link`, {
    hint: 'Leave it out with `exclude`.',
  })
}

export function circle(path: string): BenchawayError {
  return new BenchawayError('TRANSFER_FAILED', `${path} leads back into a folder that holds it`, {
    hint: 'Leave the link out with `exclude`, or push without `followLinks`.',
  })
}

export function different(path: string, host: string): BenchawayError {
  return new BenchawayError(
    'TRANSFER_FAILED',
    `${path} arrived on ${host} with another content than it was sent with`,
    { hint: 'Push it again; if that fails as well, the disk of one side is not to be trusted.' },
  )
}

/** It sends more than any answer has. */
export function tooMuch(host: string): BenchawayError {
  return new BenchawayError('TRANSFER_FAILED', `${host} answers with more than it was asked for`, {
    hint: 'Check that nothing on the machine prints when a shell starts.',
  })
}

export function lost(path: string, host: string): BenchawayError {
  return new BenchawayError(
    'CONNECTION_LOST',
    `the ssh connection to ${host} was lost while ${path} was pushed`,
    { hint: hintWhenLost },
  )
}

/** Of a folder there is one thing here and another one there. */
export function inTheWay(path: string, host: string, is: string, isThere: string): BenchawayError {
  return new BenchawayError(
    'TRANSFER_FAILED',
    `${path} is ${is} here and ${isThere} on ${host}; nothing was pushed`,
    { hint: 'Remove or rename it on one side.' },
  )
}
