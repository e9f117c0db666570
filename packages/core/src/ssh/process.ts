import type { Readable, Writable } from 'node:stream'

import type { ChannelExit, Connection } from './connection.ts'

/** A command that runs while we talk to it. */
export interface RemoteProcess {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Both fields undefined when the connection was lost. Never rejects. */
  readonly exit: Promise<ChannelExit>
  /** Closes the channel too, so `exit` settles even if the far process ignores the signal. */
  kill(): void
}

/** Starts a shell line and returns once it runs. */
export async function open(connection: Connection, command: string): Promise<RemoteProcess> {
  const { channel, exit } = await connection.openChannel(command)
  return {
    stdin: channel,
    stdout: channel,
    stderr: channel.stderr,
    exit,
    kill() {
      channel.signal('KILL')
      channel.close()
    },
  }
}
