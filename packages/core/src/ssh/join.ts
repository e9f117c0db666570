import net from 'node:net'
import type { Duplex } from 'node:stream'

/**
 * Leads what comes out of each into the other: ends are passed on one by one, a full one holds the other back, and a
 * break of one breaks the other.
 */
export function join(one: Duplex, other: Duplex): void {
  lead(one, other)
  lead(other, one)
}

function lead(from: Duplex, to: Duplex): void {
  // `close` comes after it.
  from.on('error', () => undefined)
  from.pipe(to)
  from.once('close', () => {
    if (!from.readableEnded) breakOff(to)
    // It takes nothing more, but what it has sent must arrive.
    else if (!from.writableFinished) {
      if (to.writableFinished) to.destroy()
      else to.once('finish', () => to.destroy())
    }
  })
}

/** Ends a connection so that its peer does not take it for the end of the data. */
export function breakOff(stream: Duplex): void {
  if (stream instanceof net.Socket && stream.remoteFamily !== undefined) stream.resetAndDestroy()
  else stream.destroy()
}
