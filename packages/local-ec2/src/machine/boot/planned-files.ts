import { posix } from 'node:path'
import { gunzipSync } from 'node:zlib'

import { type Config, bytesOf, isTrue } from './values.ts'

export interface PlannedFile {
  /** Absolute, without `..`. */
  path: string
  bytes: Uint8Array
  /** Octal, such as `644`. */
  mode: string
  /** `user`, `user:group` or `:group`. */
  owner: string
  append: boolean
  /** When the rest is set up, right before the scripts, instead of before sshd. */
  late: boolean
}

const maxBytes = 1 << 20

/**
 * A file of `write_files`.
 *
 * @throws when cloud-init gives up there; it writes none of those that follow either
 */
export function planFile(entry: Config, note: (text: string) => void): PlannedFile | undefined {
  const { path } = entry
  if (typeof path !== 'string' || path === '') {
    note('a file of write_files is not written: it has no path')
    return undefined
  }
  if (path.includes('\0')) throw new Error('its path has a zero byte')
  return {
    path: posix.resolve('/', path),
    bytes: contentOf(entry),
    mode: modeOf(entry['permissions'], path, note),
    owner: ownerOf(entry['owner'] ?? 'root:root'),
    append: isTrue(entry, 'append', false),
    late: isTrue(entry, 'defer', false),
  }
}

function contentOf({ content = '', encoding }: Config): Uint8Array {
  const bytes = content instanceof Uint8Array ? content : textOf(content ?? '')
  const [, packed, base64] =
    /^\s*(gz(?:ip)?)?\+?(b(?:ase)?64)?\s*$/i.exec(typeof encoding === 'string' ? encoding : '') ??
    []
  const plain = base64 === undefined ? bytes : base64Of(Buffer.from(bytes).toString())
  return packed === undefined ? plain : gunzipSync(plain, { maxOutputLength: maxBytes })
}

/** As Python's `b64decode`: what is no letter of it is passed over, and the padding has to be there. */
function base64Of(text: string): Uint8Array {
  const [, data = '', padding = ''] =
    /^([^=]*)(=*)/.exec(text.replaceAll(/[^A-Za-z0-9+/=]/g, '')) ?? []
  const short = data.length % 4
  if (short === 1 || (short > 0 && padding.length < 4 - short)) {
    throw new Error('its content is no base64')
  }
  return Buffer.from(data, 'base64')
}

function textOf(content: unknown): Uint8Array {
  if (typeof content !== 'string') throw new Error('its content is not a text')
  return bytesOf(content)
}

function modeOf(permissions: unknown, path: string, note: (text: string) => void): string {
  if (permissions === undefined || permissions === null) return '644'
  const digits =
    typeof permissions === 'string' ? /^\s*(?:0[oO])?([0-7]+)\s*$/.exec(permissions) : null
  // 0644 is a number that YAML has read as octal, 644 another one.
  const mode = digits?.[1] === undefined ? permissions : Number.parseInt(digits[1], 8)
  // cloud-init takes none at all for none wanted.
  if (typeof mode === 'number') return (Math.trunc(mode) & 0o7777 || 0o644).toString(8)
  note(`file '${path}' of write_files gets permissions 0644: its own are no octal number`)
  return '644'
}

/** @throws when it cannot be one */
function ownerOf(owner: unknown): string {
  if (typeof owner !== 'string') throw new Error('its owner is not a text')
  const [user = '', group = ''] = owner.split(/:(.*)/s).map((part) => part.trim())
  const known = [user, group].map((part) => (/^(?:-1|none)$/i.test(part) ? '' : part))
  if (!known.every((part) => /^[\w.$-]*$/.test(part))) throw new Error('its owner is not a name')
  // chown would take a number, cloud-init looks for the account of that name.
  if (known.some((part) => /^[\d-]/.test(part))) throw new Error('its owner is not a name')
  return known[1] === '' ? (known[0] ?? '') : known.join(':')
}
