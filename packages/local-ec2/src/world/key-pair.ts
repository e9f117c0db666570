/** Key pairs: what EC2 keeps of one is its public half. */
import { createHash } from 'node:crypto'

import { ApiError } from '../query/api-error.ts'
import { isVisible, newId, type Resource, type Tags } from './resource.ts'
import { generatePrivateKey, type PrivateKey } from './ssh/private-key.ts'
import { blobOf, type PublicKey, writePublicKey } from './ssh/public-key.ts'
import type { World } from './world.ts'

export interface KeyPair extends Resource {
  /** There once in the account. */
  readonly name: string
  readonly type: PublicKey['type']
  /** As a line of `authorized_keys`: type, base64, and its name. */
  readonly publicKey: string
  readonly fingerprint: string
  readonly created: Date
}

/** The quota of a new account. */
const maxKeyPairs = 5000

export function findKeyPair({ keyPairs }: World, name: string): KeyPair | undefined {
  return [...keyPairs.filed('key-name', name)].find(isVisible)
}

/** @throws {ApiError} `InvalidKeyPair.Duplicate`, `KeyPairLimitExceeded` */
export function checkFreeName({ keyPairs }: World, name: string): void {
  if (keyPairs.count('key-name', name) > 0) {
    throw new ApiError('InvalidKeyPair.Duplicate', `The keypair '${name}' already exists.`)
  }
  if (keyPairs.size >= maxKeyPairs) {
    throw new ApiError('KeyPairLimitExceeded', `At most ${maxKeyPairs} key pairs can exist.`)
  }
}

interface NewKeyPair {
  name: string
  tags: Tags
}

/** The private half is nowhere but in what this returns. */
export function createKeyPair(
  world: World,
  { type, ...rest }: NewKeyPair & Pick<KeyPair, 'type'>,
): { pair: KeyPair; pem: string } {
  const key = generatePrivateKey(type, rest.name)
  const fingerprint = type === 'rsa' ? rsaFingerprint(key) : ed25519Fingerprint(key)
  return { pair: keep(world, rest, key, fingerprint), pem: key.pem }
}

export function importKeyPair(world: World, spec: NewKeyPair, key: PublicKey): KeyPair {
  const fingerprint = key.type === 'rsa' ? importedRsaFingerprint(key) : ed25519Fingerprint(key)
  return keep(world, spec, key, fingerprint)
}

function keep(
  world: World,
  { name, tags }: NewKeyPair,
  key: PublicKey,
  fingerprint: string,
): KeyPair {
  const pair: KeyPair = {
    ...world.stamp('key-pair'),
    id: newId('key'),
    tags,
    name,
    type: key.type,
    publicKey: writePublicKey(key, name),
    fingerprint,
    created: new Date(world.now()),
  }
  world.keyPairs.set(pair.id, pair)
  return pair
}

/** EC2 made the private key itself: of that. */
function rsaFingerprint({ privateKey }: PrivateKey): string {
  return colons('sha1', privateKey.export({ format: 'der', type: 'pkcs8' }))
}

/** Of the public key, and not of what SSH sends, which ImportKeyPair's reference says by citing RFC 4716. */
function importedRsaFingerprint({ key }: PublicKey): string {
  return colons('md5', key.export({ format: 'der', type: 'spki' }))
}

/** As `ssh-keygen -l` prints it after `SHA256:`, but padded. */
function ed25519Fingerprint(key: PublicKey): string {
  return createHash('sha256').update(blobOf(key)).digest('base64')
}

function colons(algorithm: string, bytes: Uint8Array): string {
  return (createHash(algorithm).update(bytes).digest('hex').match(/../g) ?? []).join(':')
}
