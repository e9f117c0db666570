/**
 * What RunInstances carries to cloud-init: a boothook, the user's own parts and cloud-config, in one gzipped MIME message.
 *
 * The host key goes through cloud-config, never through a script: cloud-init's ssh module runs before sshd starts,
 * a script after it, and until then a random key would answer. Our cloud-config comes after the user's, because of two
 * that set the same key cloud-init takes the later one.
 *
 * @see https://cloudinit.readthedocs.io/en/latest/explanation/format.html#mime-multi-part-archive
 */
import { gzipSync } from 'node:zlib'

import { BenchawayError } from '../errors.ts'
import { privateText, publicLine } from '../keys/openssh.ts'
import type { KeyPair } from '../keys/pair.ts'
import { hasKey } from './cloud-config.ts'
import { deadManBoothook, type DeadManLimits } from './dead-man.ts'
import type { ReadPart } from './user-parts.ts'

export interface UserData {
  readonly hostKey: KeyPair
  readonly clientKey: Uint8Array
  readonly limits: DeadManLimits
  /** The user's own. @default none */
  readonly parts?: readonly ReadPart[]
}

/** What EC2 takes, before base64. */
const maxBytes = 16_384

/**
 * @returns gzip bytes, some 2 KB without parts of the user
 * @throws {BenchawayError} `OPTION_INVALID` when that is more than EC2 takes
 */
export function userData({ hostKey, clientKey, limits, parts = [] }: UserData): Uint8Array {
  const login = publicLine(clientKey, 'benchaway')
  const bytes = gzipSync(
    multipart([
      { type: 'cloud-boothook', name: 'dead-man', text: deadManBoothook(limits) },
      ...parts.map((part, index) => ({ ...part, name: nameOf(index, parts.length) })),
      { type: 'cloud-config', name: 'logins', text: loginsConfig(login, parts) },
      { type: 'cloud-config', name: 'keys', text: keysConfig(hostKey) },
    ]),
    { level: 9 },
  )
  if (bytes.length <= maxBytes) return bytes
  throw new BenchawayError(
    'OPTION_INVALID',
    `user-data takes ${bytes.length} bytes, ${bytes.length - maxBytes} more than EC2 allows, although compressed`,
    {
      hint: 'Push what is large once the machine runs, or let a script fetch it.',
    },
  )
}

/** cloud-init runs scripts in the order of their names, and those of `runcmd` as one of that name. */
function nameOf(index: number, count: number): string {
  return `part-${String(index + 1).padStart(String(count).length, '0')}`
}

function keysConfig(hostKey: KeyPair): string {
  return `#cloud-config
ssh_deletekeys: true
ssh_keys:
  ed25519_private: |
${indent(privateText(hostKey, 'benchaway'))}
  ed25519_public: ${publicLine(hostKey.publicKey, 'benchaway')}
ssh_quiet_keygen: true
disable_ec2_metadata: true
`
}

/** What is added to lists that a part of the user may have begun, and would be replaced otherwise. */
function loginsConfig(login: string, parts: readonly ReadPart[]): string {
  // A list of users without it would be a machine without the account that we log in to. Where none is given it is not
  // ours to say: an image may have its own.
  const hasUsers = parts.some(({ type, text }) => type === 'cloud-config' && hasKey(text, 'users'))
  return `#cloud-config
merge_how: list(append)+dict(no_replace,recurse_list)+str()
ssh_authorized_keys:
  - ${login}
${hasUsers ? 'users:\n  - default\n' : ''}`
}

interface MimePart {
  readonly type: string
  readonly name: string
  readonly text: string
}

function multipart(parts: readonly MimePart[]): string {
  const boundary = boundaryFor(parts)
  const body = parts.map(({ type, name, text }) => {
    // cloud-init reads the whole as text and then the parts as bytes, which only ASCII survives as it is.
    const isPlain = /^[\t\n\x20-\x7e]*$/.test(text)
    return `--${boundary}
Content-Type: text/${type}; charset="utf-8"
MIME-Version: 1.0
Content-Transfer-Encoding: ${isPlain ? '7bit' : 'base64'}
Content-Disposition: attachment; filename="${name}"

${isPlain ? text : Buffer.from(text).toString('base64')}`
  })
  return `Content-Type: multipart/mixed; boundary="${boundary}"
MIME-Version: 1.0

${body.join('\n')}
--${boundary}--
`
}

function boundaryFor(parts: readonly MimePart[]): string {
  let boundary = 'benchaway-part'
  while (parts.some(({ text }) => text.includes(`--${boundary}`))) boundary += '-'
  return boundary
}

function indent(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, '    ')
}
