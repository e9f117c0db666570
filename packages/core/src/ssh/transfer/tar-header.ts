/**
 * Headers of a tar archive: ustar, and pax records for what ustar cannot hold. Names are latin1 for bytes (`names.ts`).
 *
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_01
 */

export const blockSize = 512

// '0', '2', '5' and 'x'.
const typeFlags = { file: 0x30, link: 0x32, folder: 0x35, pax: 0x78 }

export interface Member {
  readonly name: string
  readonly type: 'file' | 'folder' | 'link'
  readonly mode: number
  readonly mtimeNs: bigint
  /** Of the content that follows. */
  readonly size: number
  /** Where a link leads. */
  readonly link?: string | undefined
  /** Further pax records, such as those of a sparse file. */
  readonly pax?: Readonly<Record<string, string>> | undefined
}

// Eleven octal digits.
const mostOctal = 8 ** 11 - 1

/** Everything that comes before the content. */
export interface Header {
  readonly length: number
  /** Pax records; '' for none. */
  readonly records: string
  readonly fields: Fields
}

export function tarHeader(member: Member): Header {
  const { name, link = '', mode, size, mtimeNs, type } = member
  const split = splitName(name)
  const seconds = Number(mtimeNs / second)
  let records = ''
  if (mtimeNs % second !== 0n || seconds < 0 || seconds > mostOctal) {
    records = record('mtime', secondsOf(mtimeNs))
  }
  if (split === undefined) records += record('path', name)
  if (link.length > 100) records += record('linkpath', link)
  if (size > mostOctal) records += record('size', String(size))
  if (member.pax) {
    for (const [key, value] of Object.entries(member.pax)) records += record(key, value)
  }
  const [prefix, base] = split ?? ['', name.slice(-100)]
  const length = records === '' ? blockSize : 2 * blockSize + paddedSize(records.length)
  return { length, records, fields: { prefix, base, mode, size, seconds, link, type } }
}

/** Writes it where there is room for its length. */
export function writeHeader(
  { length, records, fields }: Header,
  into: Buffer,
  start: number,
): void {
  const own = start + length - blockSize
  if (records !== '') {
    paxBlock(records.length).copy(into, start)
    // Only the last block of them is not full.
    into.fill(0, own - blockSize, own)
    into.write(records, start + blockSize, 'latin1')
  }
  writeBlock(into, own, fields)
}

/** With what is filled up to whole blocks. */
export function paddedSize(size: number): number {
  return Math.ceil(size / blockSize) * blockSize
}

const second = 1_000_000_000n
const paxBlocks = new Map<number, Buffer>()

/** What comes before so many bytes of records. Nearly all files have records of the same length: their times. */
function paxBlock(size: number): Buffer {
  const known = paxBlocks.get(size)
  if (known !== undefined) return known
  const block = Buffer.alloc(blockSize)
  const fields = {
    prefix: '',
    base: 'pax',
    mode: 0o600,
    seconds: 0,
    type: 'pax',
    link: '',
  } as const
  writeBlock(block, 0, { ...fields, size })
  if (paxBlocks.size < 1000) paxBlocks.set(size, block)
  return block
}

/** Seconds since 1970 with all of their decimals, as pax, `find` and `touch` have them. */
export function secondsOf(ns: bigint): string {
  const whole = ns < 0n ? -ns : ns
  const decimals = String(whole % 1_000_000_000n).padStart(9, '0')
  return `${ns < 0n ? '-' : ''}${whole / 1_000_000_000n}.${decimals}`
}

interface Fields {
  readonly prefix: string
  readonly base: string
  readonly mode: number
  readonly size: number
  readonly seconds: number
  readonly type: keyof typeof typeFlags
  readonly link: string
}

// Owner and group are nobody's: who unpacks it becomes the owner.
const template = Buffer.alloc(blockSize)
template.write('0000000\u00000000000\u00000000000\u0000', 100, 'latin1')
template.write('        0', 148, 'latin1')
template.write('ustar\u000000', 257, 'latin1')

function writeBlock(into: Buffer, start: number, fields: Fields): void {
  const { prefix, base, link, size, seconds } = fields
  template.copy(into, start)
  into.write(base, start, 100, 'latin1')
  writeOctal(into, start + 100, 7, fields.mode)
  writeOctal(into, start + 124, 11, size > mostOctal ? 0 : size)
  writeOctal(into, start + 136, 11, Math.min(Math.max(seconds, 0), mostOctal))
  into[start + 156] = typeFlags[fields.type]
  if (link !== '') into.write(link, start + 157, 100, 'latin1')
  if (prefix !== '') into.write(prefix, start + 345, 155, 'latin1')
  const end = start + 345 + prefix.length
  let sum = 0
  for (let at = start; at < end; at++) sum += into[at] ?? 0
  writeOctal(into, start + 148, 6, sum)
  into[start + 154] = 0
}

function writeOctal(block: Buffer, start: number, digits: number, value: number): void {
  let left = value
  for (let at = start + digits - 1; at >= start; at--) {
    block[at] = 0x30 + (left % 8)
    left = Math.floor(left / 8)
  }
}

/** At a slash into at most 155 and 100 bytes, where there is such a slash. */
function splitName(name: string): readonly [prefix: string, base: string] | undefined {
  if (name.length <= 100) return ['', name]
  const at = name.indexOf('/', name.length - 101)
  // A name that ends in its only fitting slash has nothing behind it.
  if (at < 1 || at > 155 || at === name.length - 1) return undefined
  return [name.slice(0, at), name.slice(at + 1)]
}

/** Begins with its own length, digits of which it counts as well. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  let length = rest.length + 1
  while (String(length).length + rest.length !== length) {
    length = String(length).length + rest.length
  }
  return `${length}${rest}`
}
