import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import path from 'node:path'

import { BenchawayError, messageOf } from '../errors.ts'
import { quote } from './command.ts'
import { knownHost, sshConfig, type SshHost } from './ssh-config.ts'

/** An ssh config that was written. */
export interface WrittenSshConfig {
  /** Path of the config, for `ssh -F`, `scp -F`, `sftp -F`, or an `Include` at the top of a `~/.ssh/config`. */
  readonly config: string
  /** A shell line that logs in, such as `ssh -F /path/config i-0123456789abcdef0`. */
  readonly command: (name: string) => string
}

/**
 * Writes an ssh config with all that it needs, private keys among it, so that the user's own ssh, scp, sftp, rsync and
 * editor reach the machines and prove their host keys. Files of an earlier time are replaced, links never followed.
 *
 * @param folder made with mode 0700 when it is missing; of an existing one nobody else may be the owner or write to it
 * @throws {BenchawayError} `OPTION_INVALID` when the folder or a name cannot be used
 */
export async function writeSshConfig(
  hosts: readonly SshHost[],
  folder: string,
): Promise<WrittenSshConfig> {
  const root = path.resolve(folder)
  const files = {
    config: path.join(root, 'config'),
    knownHosts: path.join(root, 'known_hosts'),
    key: (name: string) => path.join(root, `${name}.key`),
  }
  const text = sshConfig(hosts, files)
  try {
    await claim(root)
    for (const { name, target } of hosts) {
      // oxlint-disable-next-line no-await-in-loop -- a handful of small files
      await write(files.key(name), target.privateKey)
    }
    await write(files.knownHosts, hosts.map((host) => `${knownHost(host)}\n`).join(''))
    await write(files.config, text)
  } catch (cause) {
    throw new BenchawayError(
      'OPTION_INVALID',
      `${root} cannot hold an ssh config: ${messageOf(cause)}`,
      {
        hint: 'Use a new folder in one of yours.',
        cause,
      },
    )
  }
  return {
    config: files.config,
    command: (name) => `ssh -F ${quote(files.config)} ${quote(name)}`,
  }
}

async function claim(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const { uid, mode } = await lstat(folder).then((found) => {
    if (!found.isDirectory()) throw new Error('it is no folder')
    return found
  })
  if (uid !== process.getuid?.()) throw new Error('it belongs to somebody else')
  if ((mode & 0o022) !== 0) throw new Error('others may write to it')
}

/** Whole or not at all, and for nobody else. */
async function write(file: string, text: string): Promise<void> {
  const part = `${file}.${randomBytes(6).toString('hex')}.part`
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const handle = await open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  try {
    await handle.writeFile(text).finally(() => handle.close())
    await rename(part, file)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}
