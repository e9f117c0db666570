import { inspect } from 'node:util'

import { BenchawayError } from '../../errors.ts'

/** @param where what was called, such as `read()` */
export function checkFarPath(where: string, path: unknown): void {
  if (isPath(path)) return
  throw new BenchawayError('OPTION_INVALID', `${where} cannot fetch ${inspect(path)}`, {
    hint: 'Give a path on the machine.',
  })
}

/** A path on the machine, or globs. */
export function checkSource(source: unknown): void {
  const areGlobs =
    Array.isArray(source) &&
    source.length > 0 &&
    source.every((glob) => isPath(glob)) &&
    new Set(source.map((glob) => String(glob).startsWith('/'))).size === 1
  if (isPath(source) || areGlobs) return
  throw new BenchawayError('OPTION_INVALID', `pull() cannot fetch ${inspect(source)}`, {
    hint: 'Give a path on the machine, or a list of globs that are all absolute or all relative.',
  })
}

export function checkDestination(destination: unknown): void {
  if (isPath(destination)) return
  throw new BenchawayError('OPTION_INVALID', `pull() cannot write to ${inspect(destination)}`, {
    hint: 'Give a path on this computer.',
  })
}

function isPath(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && !value.includes('\0')
}
