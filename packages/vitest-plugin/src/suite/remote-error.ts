/** Errors that were thrown on a machine, as if they had been thrown here. */
import type { SourceMap } from 'node:module'
import { resolve } from 'node:path'

import type { ParsedStack } from 'vitest'

import { cleanText } from '../host/terminal.ts'
import type { RemoteFailure } from '../wire/result.ts'
import type { Bundle } from './bundle.ts'

const frame =
  /^(\s*at (?:async )?)(?:(.*) \()?(?:file:\/\/)?[^()\s]*\/(bench-[0-9a-f]{16}\.mjs):(\d+):(\d+)\)?$/
// Our own runner and tinybench tell a user nothing.
const ours = /[/\\](?:remote[/\\]bench\.[jt]s|tinybench[/\\]dist[/\\].*)$/

/** @param machine where it was thrown, such as `m7i.large i-0123456789abcdef0` */
export function errorFrom(failure: RemoteFailure, bundle: Bundle, machine: string): Error {
  const cause = failure.cause && errorFrom(failure.cause, bundle, machine)
  const message = cleanText(failure.message)
  const error = failure.errors
    ? new AggregateError(
        failure.errors.map((one) => errorFrom(one, bundle, machine)),
        message,
      )
    : new Error(message)
  const { text, frames } = mapStack(cleanText(failure.stack), bundle)
  error.name = cleanText(failure.name)
  error.stack = text
  if (cause !== undefined) error.cause = cause
  return Object.assign(error, {
    machine,
    ...(failure.code === undefined ? {} : { code: cleanCode(failure.code) }),
    // Vitest would look for a source map of its own, and would use the one of the same file as it was transformed here.
    ...(frames.length > 0 ? { stacks: frames } : {}),
  })
}

function mapStack(stack: string, bundle: Bundle): { text: string; frames: ParsedStack[] } {
  const frames: ParsedStack[] = []
  const lines = stack.split('\n').flatMap((line) => {
    const [, at = '', method = '', file, row, column] = frame.exec(line) ?? []
    if (file === undefined) return line
    const found = sourceOf(bundle.map, Number(row), Number(column))
    if (found === undefined || ours.test(found.file)) return []
    frames.push({ ...found, method })
    const where = `${found.file}:${found.line}:${found.column}`
    return method === '' ? `${at}${where}` : `${at}${method} (${where})`
  })
  return { text: lines.join('\n'), frames }
}

function sourceOf(
  map: SourceMap,
  line: number,
  column: number,
): Pick<ParsedStack, 'file' | 'line' | 'column'> | undefined {
  const entry = map.findEntry(line - 1, column - 1)
  // What has no mapping of its own is answered with the end of what came before it.
  if (!('originalSource' in entry) || entry.generatedLine !== line - 1) return undefined
  return {
    file: resolve(entry.originalSource),
    line: entry.originalLine + 1,
    column: entry.originalColumn + 1,
  }
}

function cleanCode(code: string | number): string | number {
  return typeof code === 'string' ? cleanText(code) : code
}
