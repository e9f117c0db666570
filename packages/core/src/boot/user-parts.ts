/**
 * The user's own parts of user-data, and which of them can travel beside ours.
 *
 * cloud-init throws the whole of user-data away, and with it the dead-man switch, when it cannot fetch what an
 * `#include` names or cannot take an archive apart: so a part is a script, a cloud-config or a boothook, and nothing
 * else. Nothing of it gets into a message: it may hold secrets.
 */
import { BenchawayError } from '../errors.ts'
import { checkCloudConfig } from './cloud-config.ts'

const begin = 'Begin each part with #!, with #cloud-config, or with #cloud-boothook and then #!.'

/** Checked by `readUserData()`, which says more and shows less. */
export const userDataRule: readonly [allowed: () => boolean, words: string] = [() => true, begin]

/** A script (`#!`), a cloud-config (`#cloud-config`) or a boothook (`#cloud-boothook`), which its first line says. */
export type UserPart = string | Uint8Array

export interface ReadPart {
  readonly type: 'x-shellscript' | 'cloud-config' | 'cloud-boothook'
  readonly text: string
}

const starts: readonly (readonly [start: RegExp, type: ReadPart['type']])[] = [
  [/^#!/, 'x-shellscript'],
  [/^#cloud-config(?=\s|$)/, 'cloud-config'],
  [/^#cloud-boothook\s+#!/, 'cloud-boothook'],
]

/** What cloud-init also knows, and what to do instead. */
const refused: readonly (readonly [start: RegExp, hint: string])[] = [
  [
    /^#include/,
    'Fetch it from a script: when cloud-init cannot, it leaves all of the user-data out.',
  ],
  [/^#cloud-config-archive/, 'Give its parts one by one, as a list.'],
  [/^(?:content-type|mime-version):/i, 'Give its parts one by one, as a list.'],
  [/^## template: jinja/, 'Fill the template in before you give it.'],
]

/**
 * @param where what was called, such as `launch()`
 * @returns in the given order
 * @throws {BenchawayError} `OPTION_INVALID`
 */
export function readUserData(where: string, given: unknown): ReadPart[] {
  if (given === undefined) return []
  const option = `option 'userData' of ${where}`
  if (!Array.isArray(given)) return [readPart(option, given)]
  return given.map((part: unknown, index) => readPart(`part ${index + 1} of ${option}`, part))
}

function readPart(what: string, given: unknown): ReadPart {
  const text = textOf(what, given)
  const type = starts.find(([start]) => start.test(text))?.[1]
  if (type === undefined) {
    const hint = refused.find(([start]) => start.test(text))?.[1] ?? begin
    throw invalid(`${what} is neither a script nor a cloud-config nor a boothook`, hint)
  }
  if (type === 'cloud-config') checkCloudConfig(text, what)
  return { type, text }
}

function textOf(what: string, given: unknown): string {
  if (typeof given === 'string') return given
  if (!(given instanceof Uint8Array)) {
    const kind = given === null ? 'null' : typeof given
    throw invalid(`${what} is of type ${kind}`, 'Give a text, bytes, or a list of these.')
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(given)
  } catch (cause) {
    const hint = 'Encode what is not text, in base64 for example: cloud-init knows only UTF-8.'
    throw invalid(`${what} is not UTF-8`, hint, cause)
  }
}

function invalid(message: string, hint: string, cause?: unknown): BenchawayError {
  return new BenchawayError('OPTION_INVALID', message, { hint, cause })
}
