/**
 * Taking user-data apart, as cloud-init does: gzip, MIME, and the first line of each part.
 *
 * It comes from whoever may call RunInstances and is never trusted: whatever is too large, too many or not
 * understood ends as a note for the console, as it ends in cloud-init's log, and the machine boots all the same.
 *
 * @see https://cloudinit.readthedocs.io/en/latest/explanation/format.html
 */
import { gunzipSync } from 'node:zlib'

import PostalMime from 'postal-mime'

type PartKind = 'boothook' | 'cloud-config' | 'script'

export interface Part {
  kind: PartKind
  /** File name of the part, made safe; unique in its user-data. */
  name: string
  bytes: Uint8Array
}

export interface UserData {
  /** In the order of the user-data. */
  parts: Part[]
  /** What is not applied, and why. */
  notes: string[]
}

/** EC2 takes 16 KiB; packed a thousandfold they would be 16 MiB. */
const maxUnpackedBytes = 1 << 20
const maxParts = 100

const kindOfType = new Map<string, PartKind>([
  ['text/cloud-boothook', 'boothook'],
  ['text/cloud-config', 'cloud-config'],
  ['text/x-shellscript', 'script'],
])

const kindOfStart: readonly (readonly [start: string, kind: PartKind | undefined])[] = [
  ['#cloud-boothook', 'boothook'],
  ['#cloud-config-archive', undefined],
  ['#cloud-config-jsonp', undefined],
  ['#cloud-config', 'cloud-config'],
  ['#!', 'script'],
]

/** @param raw as EC2 stores it, base64 removed */
export async function parseUserData(raw: Uint8Array | undefined): Promise<UserData> {
  const userData: UserData = { parts: [], notes: [] }
  if (raw === undefined || raw.length === 0) return userData
  try {
    await takeApart(unpacked(raw), userData)
  } catch (error) {
    // Half of it is worse than nothing: a dead-man switch could be in the other half.
    const reason = error instanceof Error ? error.message : String(error)
    return { parts: [], notes: [`user-data is not applied: ${reason}`] }
  }
  return userData
}

async function takeApart(bytes: Uint8Array, userData: UserData): Promise<void> {
  // cloud-init's own test for MIME.
  if (!/mime-version:/i.test(latin1(bytes.subarray(0, 4096)))) {
    addPart(userData, 'text/plain', undefined, bytes)
    return
  }
  const mail = await PostalMime.parse(bytes, {
    attachmentEncoding: 'arraybuffer',
    maxNestingDepth: 8,
    maxHeadersSize: maxUnpackedBytes,
  })
  const inline = mail.text?.trim()
  if (inline) addPart(userData, 'text/plain', undefined, new TextEncoder().encode(mail.text))
  if (mail.attachments.length > maxParts) throw new Error(`more than ${maxParts} parts`)
  let total = 0
  for (const { content, mimeType, filename } of mail.attachments) {
    if (!(content instanceof ArrayBuffer)) throw new Error('a part has no bytes')
    const part = unpacked(new Uint8Array(content))
    total += part.length
    if (total > maxUnpackedBytes) throw new Error(`more than ${maxUnpackedBytes} bytes in all`)
    addPart(userData, mimeType, filename ?? undefined, part)
  }
}

function addPart(
  { parts, notes }: UserData,
  type: string,
  filename: string | undefined,
  bytes: Uint8Array,
): void {
  const number = String(parts.length + 1).padStart(3, '0')
  const name = safeName(filename) ?? `part-${number}`
  const start = latin1(bytes.subarray(0, 64))
  const kind = kindOfType.get(type) ?? kindOfStart.find(([prefix]) => start.startsWith(prefix))?.[1]
  if (kind === undefined) {
    notes.push(`user-data part '${name}' (${type}) is of a kind that is not applied`)
    return
  }
  // Two parts of one name would overwrite each other's file.
  const taken = parts.some((part) => part.name === name)
  parts.push({ kind, name: taken ? `${name}-${number}` : name, bytes })
}

function unpacked(bytes: Uint8Array): Uint8Array {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
  return isGzip ? gunzipSync(bytes, { maxOutputLength: maxUnpackedBytes }) : bytes
}

function safeName(filename: string | undefined): string | undefined {
  const safe = filename?.replaceAll(/[^\w.-]/g, '_').slice(0, 64)
  return safe === undefined || /^\.*$/.test(safe) ? undefined : safe
}

const latin1 = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes)
