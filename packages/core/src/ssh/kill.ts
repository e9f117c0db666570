import type { ChannelExit, OpenChannel } from './channels.ts'
import type { Connection } from './connection.ts'
import { type FarSession, signalSession } from './far-kill.ts'
import { within } from './within.ts'

// Whoever ends a command that hangs has waited long enough.
const limitMs = 5000
const toldMs = 2000
const lingerMs = 1000

/**
 * Kills a command with everything that it has started, and closes its channel.
 *
 * @param told resolves when the far shell has told its id
 * @returns whether nothing of it is left; false also when nobody could be asked. Never rejects
 */
export async function kill(
  connection: Connection,
  { channel, exit, signal }: OpenChannel,
  told: Promise<FarSession>,
): Promise<boolean> {
  channel.resume()
  channel.stderr.resume()
  const over = exit.then(() => undefined)
  const session = await within(toldMs, [told, over])
  const isDead = session !== undefined && (await sweep(connection, session, exit))
  // What sshd does itself: for ordinary users, and for one group of processes.
  if (!isDead) signal('KILL')
  // What has left the session may hold the output open for ever.
  await within(lingerMs, [over])
  channel.close()
  return isDead
}

/** Kills what is left of a session. @returns whether nothing is. Never rejects */
export function sweep(
  connection: Connection,
  session: FarSession,
  exit?: Promise<ChannelExit>,
): Promise<boolean> {
  const swept = signalSession(connection, session, 'KILL').then(
    () => true,
    () => false,
  )
  const lost = exit?.then((end) => (isLost(end) ? false : swept))
  return within(limitMs, lost === undefined ? [swept] : [swept, lost]).then((is) => is === true)
}

export function isLost({ exitCode, signal }: ChannelExit): boolean {
  return exitCode === undefined && signal === undefined
}
