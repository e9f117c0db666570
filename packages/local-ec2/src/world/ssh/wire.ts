/** The fields of SSH's binary formats: a length of four bytes, and as many. */

export function field(content: Uint8Array | string): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([uint32(bytes.length), bytes])
}

/** A number above zero: its sign bit is never set. */
export function positive(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0)
  const significant = first === -1 ? new Uint8Array() : bytes.subarray(first)
  const signed = (significant[0] ?? 0) >= 0x80
  return field(signed ? Buffer.concat([Buffer.of(0), significant]) : significant)
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** All fields of `bytes`; `undefined` if they do not fill it exactly. */
export function readFields(bytes: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = []
  let at = 0
  while (at < bytes.length) {
    if (at + 4 > bytes.length) return undefined
    const end = at + 4 + bytes.readUInt32BE(at)
    if (end > bytes.length) return undefined
    fields.push(bytes.subarray(at + 4, end))
    at = end
  }
  return fields
}
