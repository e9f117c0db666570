/** How long a local machine takes from EC2's answer to the end of the first command. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'

import { openFleet } from '@benchaway/core'
import { startLocalEc2 } from '@benchaway/local-ec2'
import ssh2 from 'ssh2'

import { type Pair, timed } from './paired.ts'

const local = await startLocalEc2()
const fleet = await openFleet({ project: 'bench', target: local })
const folder = mkdtempSync(path.join(tmpdir(), 'benchaway-bench-'))
for (const name of ['host', 'client']) {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(folder, name)])
}
const clientKey = readFileSync(path.join(folder, 'client'), 'utf8')

/** The least that can be done: sshd on this computer, not isolated, and one command over ssh2. */
async function plainSshd(): Promise<void> {
  const port = await freePort()
  const config = path.join(folder, 'config')
  writeFileSync(
    config,
    [
      'ListenAddress 127.0.0.1',
      `Port ${port}`,
      `HostKey ${path.join(folder, 'host')}`,
      `AuthorizedKeysFile ${path.join(folder, 'client.pub')}`,
      'PidFile none',
      'StrictModes no',
      `SetEnv HOME=${folder}`,
    ].join('\n'),
  )
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true })
  const sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  try {
    for await (const text of createInterface({ input: sshd.stderr })) {
      if (text.startsWith('Server listening')) break
    }
    await firstCommand(port)
  } finally {
    await kill(sshd)
  }
}

function firstCommand(port: number): Promise<void> {
  const client = new ssh2.Client()
  return new Promise((resolve, reject) => {
    client.once('error', reject)
    client.once('ready', () => {
      client.exec('true', (error, channel) => {
        if (error) {
          reject(error)
          return
        }
        channel.once('close', () => {
          client.end()
          resolve()
        })
        channel.resume()
      })
    })
    client.connect({
      host: '127.0.0.1',
      port,
      username: userInfo().username,
      privateKey: clientKey,
      authHandler: ['publickey'],
      // Its own key, just made: what matters here is the time.
      hostVerifier: () => true,
    })
    client.setNoDelay(true)
  })
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

export const pairs: Pair[] = [
  {
    case: 'RunInstances answered to first command done',
    peerName: 'sshd, not isolated',
    rounds: 9,
    goal: 3,
    async ours() {
      const type = process.arch === 'arm64' ? 'm7g.large' : 'm7i.large'
      const instance = await fleet.launch({ type })
      const { bootMs, connectMs } = instance.timing
      const commandMs = await timed(() => instance.exec('true'))
      await instance.terminate()
      return bootMs + connectMs + commandMs
    },
    peer: () => timed(plainSshd),
  },
]

export async function close(): Promise<void> {
  await fleet.close()
  await local.close()
  rmSync(folder, { recursive: true })
}
