/**
 * Taking user-data apart, as cloud-init does: gzip, MIME, archives, and the first line of each part.
 *
 * It comes from whoever may call RunInstances and is never trusted: whatever is too large, too many or not
 * understood ends as a note for the console, as it ends in cloud-init's log, and the machine boots all the same.
 *
 * @see https://cloudinit.readthedocs.io/en/latest/explanation/format.html
 */
import { gunzipSync } from 'node:zlib'

import { words } from '../words.ts'
import { readYaml } from './cloud-config.ts'
import { readMime } from './mime.ts'
import { type Config, bytesOf, isConfig } from './values.ts'

type PartKind =
  | 'boothook'
  | 'cloud-config'
  | 'script'
  | 'script-per-boot'
  | 'script-per-instance'
  | 'script-per-once'

export interface Part {
  kind: PartKind
  /** File name of the part, made safe. */
  name: string
  /** Of a script the file as it is to be. */
  bytes: Uint8Array
  /** What its header `Merge-Type` asks for. */
  mergeType?: string
}

export interface UserData {
  /** In the order of the user-data. */
  parts: Part[]
  /** What is not applied, and why. */
  notes: string[]
}

/** EC2 takes 16 KiB; packed a thousandfold they would be 16 MiB. */
const maxUnpackedBytes = 1 << 20
/** Each becomes a file; cloud-init has no limit. */
const maxParts = 10_000

const kindOfType = new Map<string, PartKind>([
  ['text/cloud-boothook', 'boothook'],
  ['text/cloud-config', 'cloud-config'],
  ['text/x-shellscript', 'script'],
  ['text/x-shellscript-per-boot', 'script-per-boot'],
  ['text/x-shellscript-per-instance', 'script-per-instance'],
  ['text/x-shellscript-per-once', 'script-per-once'],
])

/** The longer ones first. */
const typeOfStart: readonly (readonly [start: string, type: string])[] = [
  ['#cloud-config-archive', 'text/cloud-config-archive'],
  ['#cloud-config-jsonp', 'text/cloud-config-jsonp'],
  ['## template: jinja', 'text/jinja2'],
  ['#cloud-boothook', 'text/cloud-boothook'],
  ['#include-once', 'text/x-include-once-url'],
  ['#cloud-config', 'text/cloud-config'],
  ['#part-handler', 'text/part-handler'],
  ['#include', 'text/x-include-url'],
  ['#!', 'text/x-shellscript'],
]

/** Types of which the content says more. */
const vague = new Set(['text/plain', 'text/x-not-multipart', 'text/x-shellscript'])

const packed = new Set(
  words(`
    gzip gzip-compressed gzipped x-compress x-compressed x-gunzip x-gzip x-gzip-compressed
  `).map((name) => `application/${name}`),
)

/** @param raw as EC2 stores it, base64 removed */
export async function parseUserData(raw: Uint8Array | undefined): Promise<UserData> {
  if (raw === undefined || raw.length === 0) return { parts: [], notes: [] }
  try {
    const taker = new Taker()
    taker.take(isGzip(raw) ? unpack(raw) : raw)
    return { parts: taker.parts, notes: taker.notes }
  } catch (error) {
    // Half of it is worse than nothing: a dead-man switch could be in the other half.
    const reason = error instanceof Error ? error.message : String(error)
    return { parts: [], notes: [`user-data is not applied: ${reason}`] }
  }
}

interface Found {
  type: string
  filename?: string | undefined
  mergeType?: string | undefined
  bytes: Uint8Array
}

class Taker {
  readonly parts: Part[] = []
  readonly notes: string[] = []
  #count = 0
  #total = 0

  take(bytes: Uint8Array): void {
    // cloud-init's own test for MIME.
    if (!/mime-version:/i.test(latin1(bytes.subarray(0, 4096)))) {
      this.#look({ type: 'text/x-not-multipart', bytes })
      return
    }
    for (const { type, filename, headers, bytes: content } of readMime(utf8(bytes))) {
      const mergeType = headers.get('merge-type') ?? headers.get('x-merge-type')
      const isPacked = packed.has(type)
      this.#look({
        type: isPacked ? 'text/plain' : type,
        filename,
        mergeType,
        bytes: isPacked ? unpack(content) : content,
      })
    }
  }

  /** Finds out what it is. */
  #look({ type: said, ...rest }: Found): void {
    const type = (vague.has(said) ? typeOf(rest.bytes) : undefined) ?? said
    if (type === 'text/cloud-config-archive') this.#explode(rest.bytes)
    else this.#add({ type, ...rest })
  }

  /** A YAML list of parts. */
  #explode(bytes: Uint8Array): void {
    const entries = readYaml(utf8(bytes))
    if (!Array.isArray(entries)) throw new Error('a cloud-config-archive is not a list')
    for (const entry of entries) {
      const { content = '', type, filename }: Config = isConfig(entry) ? entry : { content: entry }
      if (typeof content !== 'string') throw new Error('an entry of an archive has no text')
      const body = bytesOf(content)
      this.#add({
        type: typeof type === 'string' ? type : (typeOf(body) ?? 'text/cloud-config'),
        filename: typeof filename === 'string' ? filename : undefined,
        bytes: body,
      })
    }
  }

  #add({ type, filename, mergeType, bytes }: Found): void {
    this.#total += bytes.length
    if (this.#total > maxUnpackedBytes)
      throw new Error(`more than ${maxUnpackedBytes} bytes in all`)
    // Those of unknown kinds count, too.
    if (++this.#count > maxParts) throw new Error(`more than ${maxParts} parts`)
    const name = safeName(filename ?? '') ?? `part-${String(this.#count).padStart(3, '0')}`
    const kind = kindOfType.get(type)
    if (kind === undefined) {
      this.notes.push(`user-data part '${name}' (${type}) is of a kind that is not applied`)
    } else if (!isUtf8(bytes)) {
      this.notes.push(
        `user-data part '${name}' is not applied: letters beyond ASCII need UTF-8, and in MIME base64 around it`,
      )
    } else {
      const file = kind === 'cloud-config' ? bytes : asFile(kind, bytes)
      this.parts.push({ kind, name, bytes: file, ...(mergeType !== undefined && { mergeType }) })
    }
  }
}

function typeOf(bytes: Uint8Array): string | undefined {
  const start = latin1(bytes).trimStart().slice(0, 64).toLowerCase()
  return typeOfStart.find(([prefix]) => start.startsWith(prefix))?.[1]
}

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

function unpack(bytes: Uint8Array): Uint8Array {
  return gunzipSync(bytes, { maxOutputLength: maxUnpackedBytes })
}

/** What cloud-init writes for the kernel to run. */
function asFile(kind: PartKind, bytes: Uint8Array): Uint8Array {
  const text = utf8(bytes)
  // It goes by the first line.
  const unix = /^[^\n]*\r\n/.test(text) ? text.replaceAll('\r\n', '\n') : text
  return bytesOf(kind === 'boothook' ? unix.replace(/^#cloud-boothook/, '').trimStart() : unix)
}

/** Letters that cloud-init leaves in a name, which then cannot lead elsewhere. */
function safeName(filename: string): string | undefined {
  const safe = filename.replaceAll('/', '_').replaceAll(/[^\w.()-]/g, '')
  return /^\.{0,2}$/.test(safe) ? undefined : safe
}

const latin1 = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes)

const utf8 = (bytes: Uint8Array): string => {
  if (!isUtf8(bytes)) throw new Error('it is not UTF-8')
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}
