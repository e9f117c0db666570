import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

import { BenchawayError, messageOf } from '../errors.ts'
import { CommandError, quote } from './command.ts'
import type { Connection } from './connection.ts'
import { exec } from './exec.ts'

export interface PushOptions {
  /** Permission bits of the file on the machine. @default 0o644 */
  mode?: number | undefined
  signal?: AbortSignal | undefined
}

/**
 * Puts one file on the machine. It appears whole or not at all.
 *
 * @param source a local path, or the content itself as bytes
 * @param path absolute, or relative to the login folder; `~` is not expanded
 * @throws {BenchawayError} `TRANSFER_FAILED` when not all of it arrived; `COMMAND_FAILED` with the far side's words
 */
export async function push(
  connection: Connection,
  source: string | Uint8Array,
  path: string,
  options: PushOptions = {},
): Promise<void> {
  const { mode = 0o644, signal } = options
  const size = typeof source === 'string' ? await sizeOf(source) : source.length
  const part = quote(`${path}.${randomBytes(6).toString('hex')}.part`)
  // `cat` outruns ssh2's sftp by a factor of two; the byte count tells a file that was cut short.
  const script = [
    `trap 'rm -f -- ${part.replaceAll("'", String.raw`'\''`)}' EXIT`,
    `(umask 077 && cat >${part}) && chmod ${mode.toString(8)} -- ${part}`,
    `test "$(wc -c <${part})" -eq ${size} || { echo 'incomplete' >&2; exit 97; }`,
    `mv -f -- ${part} ${quote(path)}`,
  ].join(' || exit\n')
  const stdin =
    typeof source === 'string' ? createReadStream(source, { highWaterMark: 256 * 1024 }) : source
  try {
    await exec(connection, script, { stdin, signal })
  } catch (error) {
    if (!(error instanceof CommandError) || error.exitCode !== 97) throw error
    throw new BenchawayError(
      'TRANSFER_FAILED',
      `${path} arrived on ${connection.target.host} with another size than ${size} bytes`,
      { hint: 'Check that the file is not written while it is pushed.', cause: error },
    )
  }
}

/**
 * Fetches one file from the machine. It appears whole or not at all, with mode 0600, and a link that lies at
 * `localPath` is replaced, never followed.
 *
 * @throws {BenchawayError} `COMMAND_FAILED` with the far side's words, such as `No such file or directory`
 */
export async function pull(connection: Connection, path: string, localPath: string): Promise<void> {
  const part = `${localPath}.${randomBytes(6).toString('hex')}.part`
  const file = await open(part, 'wx', 0o600).catch((cause: unknown) => {
    throw unusable(localPath, cause)
  })
  try {
    // By redirection: a path that begins with a hyphen is no option.
    const line = `cat <${quote(path)}`
    const started = performance.now()
    const { channel, exit } = await connection.openChannel(line)
    channel.end()
    let stderr = ''
    channel.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-4096)
    })
    await pipeline(channel, file.createWriteStream())
    const ended = await exit
    if (ended.exitCode !== 0) {
      const lost = ended.exitCode === undefined && ended.signal === undefined
      const durationMs = performance.now() - started
      throw new CommandError(
        lost ? 'CONNECTION_LOST' : 'COMMAND_FAILED',
        `pulling ${path} from ${connection.target.host} failed`,
        { command: line, ...ended, stdout: '', stderr, durationMs },
      )
    }
    await rename(part, localPath)
  } catch (error) {
    await file.close().catch(() => undefined)
    await rm(part, { force: true })
    throw error
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (cause) {
    throw unusable(path, cause)
  }
}

function unusable(path: string, cause: unknown): BenchawayError {
  return new BenchawayError(
    'TRANSFER_FAILED',
    `${path} cannot be used on this computer: ${messageOf(cause)}`,
    { cause },
  )
}
