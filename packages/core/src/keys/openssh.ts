/**
 * OpenSSH's text formats for ed25519 keys, which node-forge cannot write.
 *
 * @see https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key for the private file
 * @see https://www.rfc-editor.org/rfc/rfc8709#section-4 for the public blob
 */
import { randomBytes } from 'node:crypto'

import forge from 'node-forge'

import type { KeyPair } from './pair.ts'

const keyType = 'ssh-ed25519'

/** The wire form of a public key: what ssh sends, what fingerprints are taken of. */
export function publicBlob(publicKey: Uint8Array): Buffer {
  return Buffer.concat([field(keyType), field(publicKey)])
}

/** One line as in `id_ed25519.pub`, without a line end. */
export function publicLine(publicKey: Uint8Array, comment: string): string {
  return `${keyType} ${publicBlob(publicKey).toString('base64')} ${comment}`
}

/** The text of an unencrypted private key file, with its closing line end: OpenSSH refuses a file without one. */
export function privateText(pair: KeyPair, comment: string): string {
  const check = randomBytes(4)
  const secret = Buffer.concat([
    check,
    check,
    field(keyType),
    field(pair.publicKey),
    field(Buffer.concat([pair.seed, pair.publicKey])),
    field(comment),
  ])
  const padding = Uint8Array.from({ length: -secret.length & 7 }, (_, index) => index + 1)
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    uint32(1),
    field(publicBlob(pair.publicKey)),
    field(Buffer.concat([secret, padding])),
  ])
  const lines = body.toString('base64').match(/.{1,70}/g) ?? []
  return [
    '-----BEGIN OPENSSH PRIVATE KEY-----',
    ...lines,
    '-----END OPENSSH PRIVATE KEY-----',
    '',
  ].join('\n')
}

/** A line for `known_hosts`, without a line end. A port other than 22 is part of the name, as OpenSSH writes it. */
export function knownHostsLine(host: string, port: number, publicKey: Uint8Array): string {
  const name = port === 22 ? host : `[${host}]:${port}`
  return `${name} ${keyType} ${publicBlob(publicKey).toString('base64')}`
}

/** `SHA256:…` of a public key's blob, as `ssh-keygen -l` prints it. */
export function fingerprint(blob: Uint8Array): string {
  const digest = forge.md.sha256.create().update(Buffer.from(blob).toString('latin1')).digest()
  return `SHA256:${forge.util.encode64(digest.getBytes()).replace(/=+$/, '')}`
}

function field(value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  return Buffer.concat([uint32(bytes.length), bytes])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
