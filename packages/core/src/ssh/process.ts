import { Readable, type Writable } from 'node:stream'

import type { ChannelExit } from './channels.ts'
import type { Connection } from './connection.ts'
import type { FarSession } from './far-kill.ts'
import { farLine } from './far-line.ts'
import { kill } from './kill.ts'
import { MarkReader } from './marks.ts'
import { within } from './within.ts'

/** A command that runs while we talk to it. Both of its outputs must be read, or its end is never heard. */
export interface RemoteProcess {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Both fields undefined when the connection was lost, or after a `kill()` that was not heard. Never rejects. */
  readonly exit: Promise<ChannelExit>
  /** Ends it with everything that it has started, and its channel. `exit` settles within a second. */
  kill(): void
}

/** Starts a shell line and returns once it is on its way. */
export async function open(connection: Connection, command: string): Promise<RemoteProcess> {
  const { line, marks } = farLine('open()', command, connection.target.user, {})
  const opened = await connection.openChannel(line)
  const { channel, exit } = opened
  const told = Promise.withResolvers<FarSession>()
  const reader = new MarkReader(marks, (id) =>
    told.resolve({ id, birth: undefined, sudo: undefined }),
  )
  const killed = Promise.withResolvers<ChannelExit>()
  return {
    stdin: channel,
    stdout: channel,
    stderr: without(reader, channel.stderr),
    exit: Promise.race([exit, killed.promise]),
    kill() {
      const done = kill(connection, opened, told.promise)
      void within(1000, [done]).then(() =>
        killed.resolve({ exitCode: undefined, signal: undefined }),
      )
    },
  }
}

/** A stream without its marks. */
function without(reader: MarkReader, source: Readable): Readable {
  const stream = new Readable({ read: () => source.resume() })
  const give = (chunk: Buffer): void => {
    if (chunk.length > 0 && !stream.push(chunk)) source.pause()
  }
  source.on('data', (chunk: Buffer) => give(reader.take(chunk)))
  source.once('end', () => {
    give(reader.rest())
    stream.push(null)
  })
  return stream
}
