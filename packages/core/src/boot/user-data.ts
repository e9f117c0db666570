/**
 * What RunInstances carries to cloud-init: a boothook and a cloud-config in one gzipped MIME message.
 *
 * The host key goes through cloud-config, never through a script: cloud-init's ssh module runs before sshd starts,
 * a script after it, and until then a random key would answer.
 *
 * @see https://cloudinit.readthedocs.io/en/latest/explanation/format.html#mime-multi-part-archive
 */
import { gzipSync } from 'node:zlib'

import { privateText, publicLine } from '../keys/openssh.ts'
import type { KeyPair } from '../keys/pair.ts'
import { deadManBoothook, type DeadManLimits } from './dead-man.ts'

export interface UserData {
  readonly hostKey: KeyPair
  readonly clientKey: Uint8Array
  readonly limits: DeadManLimits
}

/** @returns gzip bytes, some 2 KB of the 16 KB that EC2 allows before base64 */
export function userData({ hostKey, clientKey, limits }: UserData): Uint8Array {
  const config = `#cloud-config
ssh_deletekeys: true
ssh_keys:
  ed25519_private: |
${indent(privateText(hostKey, 'benchaway'))}
  ed25519_public: ${publicLine(hostKey.publicKey, 'benchaway')}
ssh_authorized_keys:
  - ${publicLine(clientKey, 'benchaway')}
ssh_quiet_keygen: true
disable_ec2_metadata: true
`
  return gzipSync(
    multipart([
      ['cloud-boothook', 'dead-man', deadManBoothook(limits)],
      ['cloud-config', 'keys', config],
    ]),
    { level: 9 },
  )
}

function multipart(
  parts: readonly (readonly [type: string, name: string, text: string])[],
): string {
  const boundary = 'benchaway-part'
  const body = parts.map(
    ([type, name, text]) => `--${boundary}
Content-Type: text/${type}; charset="us-ascii"
MIME-Version: 1.0
Content-Transfer-Encoding: 7bit
Content-Disposition: attachment; filename="${name}"

${text}`,
  )
  return `Content-Type: multipart/mixed; boundary="${boundary}"
MIME-Version: 1.0

${body.join('\n')}
--${boundary}--
`
}

function indent(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, '    ')
}
