/** What the fields of tar headers and pax records say. */

/** The stream is not what `tar` writes. */
export class TarError extends Error {
  override readonly name: string = 'TarError'
}

export type PaxRecords = Map<string, Buffer>

const zero = 0x30
const seven = 0x37
const space = 0x20
const nul = 0

/** Whether a block is nothing but zeros. */
export function isZero(block: Buffer): boolean {
  for (const byte of block) if (byte !== nul) return false
  return true
}

/** Whether a header is one: its mark, and the sum of its bytes. */
export function verified(header: Buffer): boolean {
  if (header.toString('latin1', 257, 262) !== 'ustar') return false
  // The field of the sum itself counts as eight spaces.
  let sum = 8 * space
  for (let at = 0; at < 148; at++) sum += header[at] ?? 0
  for (let at = 156; at < 512; at++) sum += header[at] ?? 0
  return sum === numberAt(header, 148, 8)
}

/** Octal digits, or GNU's binary numbers, which begin with a byte that no digit has. */
export function numberAt(header: Buffer, offset: number, length: number): number {
  const first = header[offset] ?? 0
  const end = offset + length
  if (first === 0x80 || first === 0xff) {
    let value = first === 0x80 ? 0 : -1
    for (let at = offset + 1; at < end; at++) value = value * 256 + (header[at] ?? 0)
    if (!Number.isSafeInteger(value)) throw new TarError('a number that is too large')
    return value
  }
  let at = offset
  while (at < end && header[at] === space) at++
  let value = 0
  for (; at < end; at++) {
    const digit = header[at] ?? 0
    if (digit < zero || digit > seven) break
    value = value * 8 + digit - zero
  }
  for (; at < end; at++) {
    if (header[at] !== space && header[at] !== nul) throw new TarError('a number that is none')
  }
  return value
}

/** A copy of the bytes before the first NUL. */
export function textAt(header: Buffer, offset: number, length: number): Buffer {
  const end = header.indexOf(nul, offset)
  const last = offset + length
  return Buffer.from(header.subarray(offset, end === -1 || end > last ? last : end))
}

/** The name in a header without the help of others. */
export function nameOf(header: Buffer): Buffer {
  const name = textAt(header, 0, 100)
  // Only ustar has the rest of a long name there; GNU's own format has times.
  if (header[262] !== nul || header[345] === nul) return name
  return Buffer.concat([textAt(header, 345, 155), Buffer.from('/'), name])
}

/**
 * Pax records: `length key=value\n`, again and again. The values are parts of `bytes`.
 *
 * @throws {TarError}
 */
export function recordsOf(bytes: Buffer): PaxRecords {
  const records: PaxRecords = new Map()
  let at = 0
  while (at < bytes.length) {
    const blank = bytes.indexOf(space, at)
    const length = Number(/^\d{1,7}$/.exec(bytes.toString('latin1', at, Math.max(blank, at)))?.[0])
    const end = at + length
    const equals = bytes.indexOf(0x3d, blank)
    // Written so that a length which is no number fails it as well.
    if (!(end <= bytes.length && equals > blank && equals < end && bytes[end - 1] === 0x0a)) {
      throw new TarError('records that are none')
    }
    records.set(bytes.toString('latin1', blank + 1, equals), bytes.subarray(equals + 1, end - 1))
    at = end
  }
  return records
}

/** @throws {TarError} when it is no whole number */
export function wholeOf(value: Buffer): number {
  const text = value.toString('latin1')
  const number = Number(text)
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(number)) {
    throw new TarError('a size that is none')
  }
  return number
}

/**
 * Of seconds with a fraction, what is more than a microsecond: floating point would round the rest up.
 *
 * @throws {TarError} when it is no time
 */
export function secondsOf(value: Buffer): number {
  const [, seconds] = /^(-?\d{1,15}(?:\.\d{1,6})?)\d{0,20}$/.exec(value.toString('latin1')) ?? []
  if (seconds === undefined) throw new TarError('a time that is none')
  return Number(seconds)
}
