/** Keys for both sides in a folder, as OpenSSH's own program makes them. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'

export interface Keys {
  readonly hostKeyFile: string
  /** 32 bytes of the public one, base64. */
  readonly hostKey: string
  /** As in a `known_hosts` file, without the name. */
  readonly hostKeyLine: string
  readonly clientKeyFile: string
  readonly clientKey: string
  readonly authorizedKeysFile: string
}

export function makeKeys(folder: string): Keys {
  const [hostKeyFile, clientKeyFile] = ['host', 'client'].map((name) => path.join(folder, name))
  if (hostKeyFile === undefined || clientKeyFile === undefined) throw new Error('unreachable')
  for (const file of [hostKeyFile, clientKeyFile]) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'bench', '-f', file])
  }
  const [type, blob = ''] = readFileSync(`${hostKeyFile}.pub`, 'utf8').split(' ')
  return {
    hostKeyFile,
    hostKey: Buffer.from(blob, 'base64').subarray(-32).toString('base64'),
    hostKeyLine: `${type} ${blob}`,
    clientKeyFile,
    clientKey: readFileSync(clientKeyFile, 'utf8'),
    authorizedKeysFile: `${clientKeyFile}.pub`,
  }
}
