import { type Socket, connect } from 'node:net'

/** Joins a socket from outside to port 22 of the machine at `address`, until either side ends. */
export function join(outer: Socket, address: string): void {
  const inner = connect({ host: address, port: 22, noDelay: true, allowHalfOpen: true })
  outer.setNoDelay(true)
  outer.pipe(inner).pipe(outer)
  outer.on('error', () => inner.destroy())
  inner.on('error', () => outer.resetAndDestroy())
  outer.on('close', () => inner.destroy())
  inner.on('close', () => outer.destroy())
}
