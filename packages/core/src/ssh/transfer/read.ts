import { checkOptions, isWhole } from '../../check-options.ts'
import type { Connection } from '../connection.ts'
import { type FileHeader, readHeader } from './file-header.ts'
import { afterLine } from './first-line.ts'
import { changed, lost, noAnswer, refusedThere, tooMuch } from './pull-failure.ts'
import { checkFarPath } from './pull-paths.ts'
import { openScript } from './pull-scripts.ts'
import { receive, wasLost } from './receive.ts'
import { Retries } from './retries.ts'

export interface ReadOptions {
  /** A larger file is an error. @default 67_108_864 */
  maxBytes?: number | undefined
  signal?: AbortSignal | undefined
}

/**
 * The bytes of one file on the machine.
 *
 * @param path absolute, or relative to the login folder; `~` is not expanded
 * @throws {BenchawayError} `TRANSFER_FAILED` when it has more than `maxBytes`, or changed meanwhile; `CONNECTION_LOST`
 * @throws {CommandError} `FILE_NOT_FOUND`, `ACCESS_DENIED` or `COMMAND_FAILED`, with the machine's words
 */
export async function read(
  connection: Connection,
  path: string,
  options: ReadOptions = {},
): Promise<Buffer> {
  checkOptions('read()', options, {
    maxBytes: [isWhole(0, 2 ** 32), 'a whole number of bytes up to 4294967296'],
    signal: [(value) => value instanceof AbortSignal, 'an AbortSignal'],
  })
  checkFarPath('read()', path)
  const { maxBytes = 2 ** 26, signal } = options
  signal?.throwIfAborted()
  const { host } = connection.target
  const script = openScript(
    path,
    { first: maxBytes, have: undefined, checksum: false, asArchive: false },
    'echo "$p: Is a directory" >&2; exit 65',
  )
  const retries = new Retries()
  for (;;) {
    const chunks: Buffer[] = []
    let header: FileHeader | undefined
    let bytes = 0
    const onChunk = afterLine((line) => {
      header = readHeader(line)
      if (header === undefined) throw noAnswer(path, host)
      if (header.size > maxBytes) throw tooMuch(`${maxBytes} bytes`, 'maxBytes')
      return (chunk) => {
        chunks.push(chunk)
        bytes += chunk.length
        if (bytes > maxBytes) throw tooMuch(`${maxBytes} bytes`, 'maxBytes')
      }
    })
    // oxlint-disable-next-line no-await-in-loop -- again only when the connection was lost
    const received = await retries.take(() => receive(connection, script, onChunk, { signal }))
    if (received === undefined || wasLost(received)) {
      retries.count(false, () => lost(path, host))
      continue
    }
    if (received.exitCode !== 0) throw refusedThere(path, host, received)
    if (header === undefined) throw noAnswer(path, host)
    // Files of /proc say that they are empty.
    if (header.size !== 0 && bytes !== header.size) throw changed(path, host)
    return Buffer.concat(chunks, bytes)
  }
}
