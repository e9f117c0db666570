// Runs on the machine that measures. Each export is named by the driver file: './client.ts#roundTrip'.
import { once } from 'node:events'
import net from 'node:net'

let socket: net.Socket

export async function connect(host: string, port: number): Promise<void> {
  socket = net.connect({ host, port, noDelay: true })
  await once(socket, 'connect')
}

export function disconnect(): void {
  socket.destroy()
}

/** Sends a message and waits until all of it has come back. */
export async function roundTrip(_host: string, _port: number, bytes: number): Promise<void> {
  socket.write(Buffer.alloc(bytes))
  for (let left = bytes; left > 0;) {
    const [chunk]: Buffer[] = await once(socket, 'data')
    left -= chunk?.length ?? 0
  }
}
