/** Private keys as EC2 hands them out, once. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'

import { blobOf, type PublicKey } from './public-key.ts'
import { field, uint32 } from './wire.ts'

export interface PrivateKey extends PublicKey {
  readonly privateKey: KeyObject
  /** PKCS#1 for RSA, OpenSSH's own format for ed25519, neither encrypted. */
  readonly pem: string
}

export function generatePrivateKey(type: PublicKey['type'], comment: string): PrivateKey {
  if (type === 'rsa') {
    const { publicKey: key, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = privateKey.export({ format: 'pem', type: 'pkcs1' }).toString().trimEnd()
    return { type, key, privateKey, pem }
  }
  const { publicKey: key, privateKey } = generateKeyPairSync('ed25519')
  return { type, key, privateKey, pem: openSshPem({ type, key }, privateKey, comment) }
}

/** @see https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key */
function openSshPem(publicKey: PublicKey, privateKey: KeyObject, comment: string): string {
  const { d = '', x = '' } = privateKey.export({ format: 'jwk' })
  const blob = blobOf(publicKey)
  // The same number twice: whoever decrypts it sees at once whether the passphrase was right.
  const check = randomBytes(4)
  const secret = Buffer.concat([
    check,
    check,
    blob,
    field(Buffer.concat([d, x].map((half) => Buffer.from(half, 'base64url')))),
    field(comment),
  ])
  const padding = Array.from({ length: -secret.length & 7 }, (_, index) => index + 1)
  const bytes = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    uint32(1),
    field(blob),
    field(Buffer.concat([secret, Buffer.from(padding)])),
  ])
  const lines = bytes.toString('base64').match(/.{1,70}/g) ?? []
  return [
    '-----BEGIN OPENSSH PRIVATE KEY-----',
    ...lines,
    '-----END OPENSSH PRIVATE KEY-----',
    '',
  ].join('\n')
}
