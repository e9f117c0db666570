import { randomBytes } from 'node:crypto'

import forge from 'node-forge'

/** An ed25519 key pair in its raw form. */
export interface KeyPair {
  /** 32 bytes. Secret. */
  readonly seed: Uint8Array
  /** 32 bytes. */
  readonly publicKey: Uint8Array
}

export function generateKeyPair(): KeyPair {
  const seed = randomBytes(32)
  const { publicKey } = forge.pki.ed25519.generateKeyPair({ seed })
  return { seed, publicKey: Uint8Array.from(publicKey) }
}
