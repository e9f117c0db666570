/** The least that can be done: sshd on this computer, not isolated, and one command over ssh2. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'

import ssh2 from 'ssh2'

/** One that has let a command in. Disposing of it ends it. */
export interface PlainSshd extends AsyncDisposable {
  readonly pid: number
}

export class PlainSshds implements Disposable {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'benchaway-bench-'))
  readonly #clientKey: string

  constructor() {
    for (const name of ['host', 'client']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', this.#path(name)])
    }
    this.#clientKey = readFileSync(this.#path('client'), 'utf8')
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true })
  }

  #path(name: string): string {
    return path.join(this.#folder, name)
  }

  async start(): Promise<PlainSshd> {
    const port = await freePort()
    const config = this.#path(`config-${port}`)
    writeFileSync(
      config,
      [
        'ListenAddress 127.0.0.1',
        `Port ${port}`,
        `HostKey ${this.#path('host')}`,
        `AuthorizedKeysFile ${this.#path('client.pub')}`,
        'PidFile none',
        'StrictModes no',
        `SetEnv HOME=${this.#folder}`,
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
      await this.#firstCommand(port)
    } catch (error) {
      await kill(sshd)
      throw error
    }
    return { pid: sshd.pid ?? 0, [Symbol.asyncDispose]: () => kill(sshd) }
  }

  #firstCommand(port: number): Promise<void> {
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
        privateKey: this.#clientKey,
        authHandler: ['publickey'],
        // Its own key, just made: what matters here is the time.
        hostVerifier: () => true,
      })
      client.setNoDelay(true)
    })
  }
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
