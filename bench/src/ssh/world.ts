/** Where a server is: on loopback, or at the far end of a link. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { userInfo } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'

import type { Target } from './job.ts'
import { makeKeys } from './keys.ts'
import { apart, farAddress, startLink } from './link.ts'
import { dyingWithUs, kill } from './process.ts'

// Where Debian, Fedora and Arch have the one that their sshd is set to.
const sftpServer =
  [
    '/usr/lib/openssh/sftp-server',
    '/usr/libexec/openssh/sftp-server',
    '/usr/lib/ssh/sftp-server',
  ].find((file) => existsSync(file)) ?? 'internal-sftp'

export interface World extends AsyncDisposable {
  readonly target: Target
  /** What a client's command line begins with. */
  readonly enter: readonly string[]
}

/** sshd as it is shipped, but for what it needs to run beside the computer's own. */
export async function startNear(folder: string): Promise<World> {
  const address = '127.0.0.1'
  const port = await freePort(address)
  const place = path.join(folder, 'near')
  const { child, target } = await startSshd(place, { address, port, enter: [] })
  return { target, enter: [], [Symbol.asyncDispose]: () => kill(child) }
}

/** Where `whyNoLink()` knows nothing against it. */
export async function startFar(folder: string, roundTripMs: number): Promise<World> {
  await using made = new AsyncDisposableStack()
  const where = { address: farAddress, port: 2222, enter: apart }
  const { child, target } = await startSshd(path.join(folder, 'far'), where)
  made.defer(() => kill(child))
  const { enter } = made.use(await startLink(child, roundTripMs))
  const all = made.move()
  return { target, enter, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

async function startSshd(
  folder: string,
  { address, port, enter }: { address: string; port: number; enter: readonly string[] },
): Promise<{ child: ChildProcess; target: Target }> {
  mkdirSync(folder)
  const home = path.join(folder, 'home')
  mkdirSync(home)
  const keys = makeKeys(folder)
  const config = path.join(folder, 'sshd_config')
  writeFileSync(
    config,
    [
      // Any, where there is none yet.
      `ListenAddress ${enter.length > 0 ? '0.0.0.0' : address}`,
      `Port ${port}`,
      `HostKey ${keys.hostKeyFile}`,
      `AuthorizedKeysFile ${keys.authorizedKeysFile}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin yes',
      `Subsystem sftp ${sftpServer}`,
      // The start-up files of whoever runs this would be measured as well.
      `SetEnv HOME=${home}`,
    ].join('\n'),
  )
  const knownHostsFile = path.join(folder, 'known_hosts')
  writeFileSync(knownHostsFile, `[${address}]:${port} ${keys.hostKeyLine}\n`)
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true })
  const [program, ...args] = [...enter, '/usr/sbin/sshd', '-D', '-e', '-f', config]
  const child = spawn(...dyingWithUs(program, args), {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  let words = ''
  for await (const line of createInterface({ input: child.stderr })) {
    words += `${line}\n`
    if (line.startsWith('Server listening')) break
  }
  if (!words.includes('Server listening')) throw new Error(`sshd did not start\n${words}`)
  child.stderr.resume()
  const { clientKey, clientKeyFile, hostKey } = keys
  const { username: user } = userInfo()
  return {
    child,
    target: { host: address, port, user, clientKey, clientKeyFile, hostKey, knownHostsFile },
  }
}

async function freePort(address: string): Promise<number> {
  const server = net.createServer().listen(0, address)
  await once(server, 'listening')
  const bound = server.address()
  server.close()
  await once(server, 'close')
  if (bound === null || typeof bound === 'string') throw new Error('no port')
  return bound.port
}
