import type { Readable, Writable } from 'node:stream'

import type { ChannelExit } from './channels.ts'
import type { Connection } from './connection.ts'

/** A command that runs while we talk to it. Both of its outputs must be read, or its end is never heard. */
export interface RemoteProcess {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Both fields undefined when the connection was lost, or after a `kill()` that was not heard. Never rejects. */
  readonly exit: Promise<ChannelExit>
  /** Ends it, and its channel: `exit` settles within a second, although sshd passes no signal on for root. */
  kill(): void
}

/** Starts a shell line and returns once it runs. */
export async function open(connection: Connection, command: string): Promise<RemoteProcess> {
  const { channel, exit } = await connection.openChannel(command)
  const killed = Promise.withResolvers<ChannelExit>()
  return {
    stdin: channel,
    stdout: channel,
    stderr: channel.stderr,
    exit: Promise.race([exit, killed.promise]),
    kill() {
      channel.signal('KILL')
      channel.close()
      channel.resume()
      channel.stderr.resume()
      setTimeout(killed.resolve, 1000, { exitCode: undefined, signal: undefined }).unref()
    },
  }
}
