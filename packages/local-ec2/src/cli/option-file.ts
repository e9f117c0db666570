/** A file that an option names, and where in it something is wrong. */
import { readFileSync } from 'node:fs'

import { LocalEc2Error } from '../errors.ts'
import { UsageError } from './arguments.ts'

/**
 * @param read what makes sense of its text
 * @throws {UsageError} with the file's name, and the line of what is no JSON
 */
export function readOptionFile<T>(option: string, file: string, read: (text: string) => T): T {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new UsageError(`${option}: cannot read ${file}: ${reasonOf(cause)}`, { cause })
  }
  const syntax = jsonError(text)
  if (syntax !== undefined) {
    throw new UsageError(`${option}: ${file}:${syntax.line}:${syntax.column}: ${syntax.message}`)
  }
  try {
    return read(text)
  } catch (cause) {
    if (!(cause instanceof LocalEc2Error)) throw cause
    const hint = cause.hint === undefined ? '' : `\n${cause.hint}`
    throw new UsageError(`${option}: ${file}: ${cause.message}${hint}`, { cause })
  }
}

/** What keeps a text from being JSON, and where: lines and columns count from 1. */
function jsonError(text: string): { message: string; line: number; column: number } | undefined {
  const complaint = complaintOf(text)
  if (complaint === undefined) return undefined
  const before = text.slice(0, positionOf(text, complaint)).split('\n')
  return {
    // Without the snippet that V8 adds, and its own idea of where.
    message: complaint.replace(/,? (?:\.{3})?".*$| in JSON.*$/s, ''),
    line: before.length,
    column: (before.at(-1) ?? '').length + 1,
  }
}

function complaintOf(text: string): string | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const unexpectedToken = /^Unexpected token/

function positionOf(text: string, complaint: string): number {
  const said = / at position (\d+)/.exec(complaint)?.[1]
  if (said !== undefined) return Number(said)
  if (!unexpectedToken.test(complaint)) return text.length
  // V8 does not say where: it is the end of the shortest beginning with that complaint.
  let fine = 0
  let bad = text.length
  while (bad - fine > 1) {
    const middle = (fine + bad) >> 1
    if (unexpectedToken.test(complaintOf(text.slice(0, middle)) ?? '')) bad = middle
    else fine = middle
  }
  return fine
}

/** Such as `no such file or directory`. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return /^[A-Z]+: (.*?), /.exec(message)?.[1] ?? message
}
