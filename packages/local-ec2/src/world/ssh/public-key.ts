/** Public keys as people have them, and as OpenSSH writes them. */
import { createPublicKey, type KeyObject } from 'node:crypto'

import { field, positive, readFields } from './wire.ts'

export interface PublicKey {
  readonly type: 'rsa' | 'ed25519'
  readonly key: KeyObject
}

/** More than the longest key needs in any form. */
const maxBytes = 16 * 1024

/** OpenSSL refuses fewer, and more only cost time. */
const rsaBits = { min: 1024, max: 16_384 }

/**
 * From a line of `authorized_keys` without options, from the format of RFC 4716, or from DER, alone or in base64
 * or PEM.
 *
 * @returns `undefined` for anything else, and for keys that are neither RSA nor ed25519
 */
export function readPublicKey(material: Uint8Array): PublicKey | undefined {
  if (material.length > maxBytes) return undefined
  const text = Buffer.from(material).toString('latin1').trim()
  const [, type = '', base64 = ''] =
    /^(ssh-rsa|ssh-ed25519)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t][^\n]*)?$/.exec(text) ?? []
  if (base64 !== '') {
    const blob = Buffer.from(base64, 'base64')
    return readFields(blob)?.[0]?.toString('latin1') === type ? fromBlob(blob) : undefined
  }
  if (text.startsWith('---- BEGIN SSH2 PUBLIC KEY ----')) return fromRfc4716(text)
  // Node would also take a private key or a certificate, and find the public key in it.
  if (/^-----BEGIN (?:RSA )?PUBLIC KEY-----/.test(text))
    return fromNode(() => createPublicKey(text))
  const der = fromBase64(text) ?? Buffer.from(material)
  return fromNode(() => createPublicKey({ key: der, format: 'der', type: 'spki' }))
}

function fromRfc4716(text: string): PublicKey | undefined {
  const [, body] =
    /^---- BEGIN SSH2 PUBLIC KEY ----\r?\n([^]*?)\r?\n---- END SSH2 PUBLIC KEY ----$/.exec(text) ??
    []
  // A header may be continued on the next line by a backslash at its end.
  const base64 = body?.replaceAll(/^[^\n:]+:(?:[^\n]*\\\r?\n)*[^\n]*(?:\n|$)/gm, '')
  const blob = fromBase64(base64 ?? '')
  return blob && fromBlob(blob)
}

/** @param text with line breaks and blanks anywhere */
function fromBase64(text: string): Buffer | undefined {
  const base64 = text.replaceAll(/\s/g, '')
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, 'base64') : undefined
}

function fromBlob(blob: Buffer): PublicKey | undefined {
  const [type, ...numbers] = readFields(blob) ?? []
  const [first, second, ...more] = numbers
  if (first === undefined) return undefined
  if (type?.equals(Buffer.from('ssh-ed25519')) && second === undefined && first.length === 32) {
    const x = first.toString('base64url')
    return fromNode(() =>
      createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }),
    )
  }
  if (type?.equals(Buffer.from('ssh-rsa')) && second !== undefined && more.length === 0) {
    const [e, n] = [first.toString('base64url'), second.toString('base64url')]
    return fromNode(() => createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' }))
  }
  return undefined
}

function fromNode(read: () => KeyObject): PublicKey | undefined {
  let key: KeyObject
  try {
    key = read()
  } catch {
    return undefined
  }
  const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'ed25519') return { type: 'ed25519', key }
  const isRsa = key.asymmetricKeyType === 'rsa'
  const usable = modulusLength >= rsaBits.min && modulusLength <= rsaBits.max
  return isRsa && usable ? { type: 'rsa', key } : undefined
}

/** As a line of `authorized_keys`. */
export function writePublicKey(key: PublicKey, comment: string): string {
  return `ssh-${key.type} ${blobOf(key).toString('base64')} ${comment}`
}

/** What SSH itself sends, and its fingerprints are made of. */
export function blobOf({ type, key }: PublicKey): Buffer {
  const { n = '', e = '', x = '' } = key.export({ format: 'jwk' })
  const name = field(`ssh-${type}`)
  return type === 'ed25519'
    ? Buffer.concat([name, field(Buffer.from(x, 'base64url'))])
    : Buffer.concat([name, ...[e, n].map((number) => positive(Buffer.from(number, 'base64url')))])
}
