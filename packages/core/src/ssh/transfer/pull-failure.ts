/** Why a pull failed, for people. */
import { BenchawayError } from '../../errors.ts'
import { CommandError } from '../command.ts'
import { explainWords } from '../explain.ts'
import { hintWhenLost } from '../lost.ts'
import { changedExit } from './pull-scripts.ts'
import type { Received } from './receive.ts'
import type { TarError } from './tar-fields.ts'

/** With the machine's own words. */
export function refusedThere(path: string, host: string, received: Received): BenchawayError {
  if (received.exitCode === changedExit) return changed(path, host)
  const known = explainWords(received.stderr)
  const hint =
    known?.code === 'FILE_NOT_FOUND'
      ? 'Check the path: it is absolute, or relative to the login folder.'
      : known?.hint
  const reason = `${path} could not be pulled from ${host}`
  // Our script is of no use to who reads it.
  const result = { ...received, command: `pull ${path}` }
  return new CommandError(known?.code ?? 'COMMAND_FAILED', reason, result, undefined, hint)
}

export function lost(path: string, host: string): BenchawayError {
  return new BenchawayError(
    'CONNECTION_LOST',
    `the ssh connection to ${host} was lost while ${path} was pulled`,
    { hint: hintWhenLost },
  )
}

export function changed(path: string, host: string): BenchawayError {
  return new BenchawayError(
    'TRANSFER_FAILED',
    `${path} was changed on ${host} while it was pulled`,
    {
      hint: 'Pull it when nobody writes it any more.',
    },
  )
}

export function different(path: string, host: string): BenchawayError {
  return new BenchawayError(
    'TRANSFER_FAILED',
    `${path} arrived from ${host} with another content than it has there`,
    { hint: 'Pull it again; if that fails as well, the disk of one side is not to be trusted.' },
  )
}

/** It sends what a machine sends that is broken, or not what it seems. */
export function noArchive(path: string, host: string, cause: TarError): BenchawayError {
  return new BenchawayError(
    'TRANSFER_FAILED',
    `what ${host} sends for ${path} is no archive: ${cause.message}`,
    {
      hint: 'Check that `tar` on the machine is GNU tar, and that nothing prints when a shell starts.',
      cause,
    },
  )
}

export function noAnswer(path: string, host: string): BenchawayError {
  return new BenchawayError(
    'TRANSFER_FAILED',
    `${host} answers with something else than ${path} was asked for`,
    { hint: 'Check that nothing on the machine prints when a shell starts.' },
  )
}

/**
 * Names are kept in memory, where `maxFiles` alone does not bound them.
 *
 * @param length of all names
 * @throws {BenchawayError} `TRANSFER_FAILED`
 */
export function checkNames(length: number, maxFiles: number): void {
  const most = 2 ** 20 + 256 * maxFiles
  if (length > most) throw tooMuch(`${most} bytes of names`, 'maxFiles')
}

/** More than was allowed. */
export function tooMuch(what: string, option: 'maxFiles' | 'maxBytes'): BenchawayError {
  return new BenchawayError('TRANSFER_FAILED', `the machine has or sends more than ${what}`, {
    hint: `Pull less, or allow more with '${option}'.`,
  })
}

/** It was in the list, and did not come. */
export function vanished(path: string, host: string): BenchawayError {
  return new BenchawayError(
    'TRANSFER_FAILED',
    `${path} did not come from ${host}, which has listed it`,
    {
      hint: 'Pull it when nobody removes files there any more.',
    },
  )
}

export function nothingMatches(globs: string, host: string): BenchawayError {
  return new BenchawayError('FILE_NOT_FOUND', `no file on ${host} matches ${globs}`, {
    hint: 'Check the globs: they match files and links, and `**` stands for any number of folders.',
  })
}
