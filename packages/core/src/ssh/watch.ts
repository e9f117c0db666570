import type { Client } from 'ssh2'

/** What several streams and listeners must learn of one client, by one listener: Node warns of more than ten. */
export interface Watch {
  readonly isLost: boolean
  /** Called once each, when the connection breaks: before ssh2 ends its channels. */
  readonly lost: Pick<Set<() => void>, 'add' | 'delete'>
}

const watches = new WeakMap<Client, Watch>()

/** @param client one that is logged in */
export function watch(client: Client): Watch {
  const known = watches.get(client)
  if (known) return known
  const lost = new Set<() => void>()
  const made = { isLost: false, lost }
  client.once('close', () => {
    made.isLost = true
    for (const tell of lost) tell()
    lost.clear()
  })
  watches.set(client, made)
  return made
}

/** Resolves when the connection is gone: ssh2 takes no more requests a moment before it says so. */
export function whenLost(client: Client): Promise<void> {
  const { isLost, lost } = watch(client)
  return isLost ? Promise.resolve() : new Promise((resolve) => lost.add(resolve))
}
