/** A real OpenSSH server on loopback, run by and for the user who runs the tests. Nothing in it is isolated. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'

import { privateText, publicBlob, publicLine } from '../src/keys/openssh.ts'
import { generateKeyPair, type KeyPair } from '../src/keys/pair.ts'
import type { SshTarget } from '../src/ssh/connection.ts'

export interface Sshd extends AsyncDisposable {
  readonly target: SshTarget
  /** An empty folder that is removed with the server. */
  readonly folder: string
  readonly process: ChildProcess
}

export async function startSshd(
  options: { hostKey?: KeyPair; port?: number; more?: readonly string[] } = {},
): Promise<Sshd> {
  const { hostKey = generateKeyPair(), port = await freePort(), more = [] } = options
  const client = generateKeyPair()
  const folder = mkdtempSync(path.join(tmpdir(), 'benchaway-sshd-'))
  const file = (name: string, text: string): string => {
    const at = path.join(folder, name)
    writeFileSync(at, text, { mode: 0o600 })
    return at
  }
  // Only root's sshd separates privileges, and only it misses this folder when no init script has made it.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const config = [
    'ListenAddress 127.0.0.1',
    `Port ${port}`,
    `HostKey ${file('host_key', privateText(hostKey, 'test'))}`,
    `AuthorizedKeysFile ${file('authorized_keys', publicLine(client.publicKey, 'test'))}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin yes',
    // The start-up files of whoever runs the tests are none of their business.
    `SetEnv HOME=${folder}`,
    ...more,
  ]
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', file('config', config.join('\n'))], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  for await (const line of createInterface({ input: child.stderr })) {
    if (line.startsWith('Server listening')) break
    if (child.exitCode !== null) throw new Error(`sshd: ${line}`)
  }
  child.stderr.resume()
  return {
    process: child,
    folder,
    target: {
      host: '127.0.0.1',
      port,
      user: userInfo().username,
      privateKey: privateText(client, 'test'),
      hostKey: publicBlob(hostKey.publicKey),
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      rmSync(folder, { recursive: true })
    },
  }
}

export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
