import { Duplex } from 'node:stream'

import type { Client, ClientChannel } from 'ssh2'

import { type Watch, watch } from './watch.ts'

/**
 * A connection that runs through a channel, with the manners of a socket: it can be half closed, `destroy()` ends it at
 * once, and a lost ssh connection is an error and no end. ssh2's own channel has none of the last two.
 */
export class FarStream extends Duplex {
  readonly #channel: ClientChannel
  readonly #watch: Watch
  readonly #whenLost: () => void

  /** @param lost what it fails with when the ssh connection breaks */
  constructor(client: Client, channel: ClientChannel, lost: () => Error) {
    super()
    this.#channel = channel
    this.#watch = watch(client)
    this.#whenLost = () => {
      if (!hasEnded(channel)) this.destroy(lost())
    }
    this.#watch.lost.add(this.#whenLost)
    channel.on('data', (chunk: Buffer) => {
      if (!this.destroyed && !this.push(chunk)) channel.pause()
    })
    channel.on('error', (error: Error) => this.destroy(error))
    channel.once('end', () => {
      if (!this.destroyed) this.push(null)
    })
    channel.once('close', () => {
      if (this.readableEnded) this.destroy()
      else this.once('end', () => this.destroy())
    })
  }

  override _read(): void {
    this.#channel.resume()
  }

  override _write(
    chunk: Buffer,
    encoding: BufferEncoding,
    done: (error?: Error | null) => void,
  ): void {
    // The far side has closed; what it sent before may still be read, and `close` comes after that.
    if (this.#channel.writableEnded) return
    this.#channel.write(chunk, encoding, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#channel.writableEnded) done()
    // Not before all is on its way: after both ends a stream destroys itself, and with it what waits for room.
    else this.#channel.end(() => done())
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#watch.lost.delete(this.#whenLost)
    this.#channel.close()
    // Nobody reads the rest, and the channel is not closed before its end.
    this.#channel.resume()
    done(error)
  }
}

/** Whether sshd has said that no more comes. ssh2 lets a lost connection end its channels in the same way. */
function hasEnded(channel: ClientChannel): boolean {
  const incoming: unknown = Reflect.get(channel, 'incoming')
  if (typeof incoming !== 'object' || incoming === null) return channel.readableEnded
  return Reflect.get(incoming, 'state') !== 'open'
}
