/** Gives machines to driver files, which run in processes of their own while the fleet lives in this one. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Instance, LaunchOptions } from '@benchaway/core'

import {
  type Answer,
  type BrokerAddress,
  failureOf,
  isTerminate,
  maxBrokerLine,
  readAsk,
} from '../wire/broker.ts'
import { encodeLine, LineReader } from '../wire/lines.ts'

/** What the broker needs of the run. */
export interface BrokerPowers {
  /** Launches one machine and puts Node on it. */
  launch(options: LaunchOptions): Promise<{ instance: Instance; node: string }>
  terminate(instance: Instance): Promise<void>
  /** Is told what a reader of the run's output should know. */
  log(line: string): void
}

export interface Broker {
  readonly address: BrokerAddress
  /** Takes back every machine that was given out, and stops listening. */
  readonly close: () => Promise<void>
}

/** Listens until `close()`; it does not keep the process alive. */
export async function startBroker(powers: BrokerPowers): Promise<Broker> {
  // Readable and searchable for its owner alone, so nobody else can even connect.
  const folder = mkdtempSync(join(tmpdir(), 'benchaway-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  const address = { path: join(folder, 'broker'), token: randomBytes(32).toString('base64url') }
  const guests = new Set<Guest>()
  const server = net.createServer((socket) => {
    const guest = new Guest(socket, address.token, powers)
    guests.add(guest)
    void guest.gone.then(() => guests.delete(guest))
  })
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(address.path, resolve)
    })
  } catch (error) {
    remove()
    throw error
  }
  server.unref()
  return {
    address,
    close: async () => {
      server.close()
      const leaving = [...guests]
      for (const guest of leaving) guest.leave()
      await Promise.all(leaving.map((guest) => guest.gone))
      process.off('exit', remove)
      remove()
    },
  }
}

/** One connection and its machine. */
class Guest {
  /** Resolves when the connection is closed and its machine given back. Never rejects. */
  readonly gone: Promise<void>
  readonly #socket: net.Socket
  readonly #token: string
  readonly #powers: BrokerPowers
  readonly #left = new AbortController()
  #machine: Promise<Instance> | undefined
  #terminated: Promise<void> | undefined
  #given = false

  constructor(socket: net.Socket, token: string, powers: BrokerPowers) {
    this.#socket = socket
    this.#token = token
    this.#powers = powers
    const reader = new LineReader(maxBrokerLine)
    socket.unref()
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of reader.push(chunk)) this.#receive(message)
      } catch {
        socket.destroy()
      }
    })
    this.gone = new Promise<void>((resolve) => {
      socket.once('close', () => resolve(this.#giveBack()))
    })
  }

  leave(): void {
    this.#socket.destroy()
  }

  #receive(message: unknown): void {
    if (this.#machine !== undefined && isTerminate(message)) {
      void this.#answer(async () => {
        await this.#terminate()
        return { terminated: true }
      })
      return
    }
    const ask = readAsk(message)
    // Somebody without the token learns nothing, not even whether it was nearly right.
    if (this.#machine !== undefined || ask === undefined || !equal(ask.token, this.#token)) {
      this.#socket.destroy()
      return
    }
    const launching = this.#powers.launch({ ...ask.launch, signal: this.#left.signal })
    this.#machine = launching.then(({ instance }) => instance)
    this.#machine.catch(() => undefined)
    void this.#answer(async () => {
      const { instance, node } = await launching
      this.#given = true
      return { launched: { access: instance.access(), node } }
    })
  }

  async #answer(work: () => Promise<Answer>): Promise<void> {
    const answer: Answer = await work().catch((error: unknown) => ({ failed: failureOf(error) }))
    if (this.#socket.writable) this.#socket.write(encodeLine(answer))
  }

  #terminate(): Promise<void> {
    this.#terminated ??= Promise.resolve(this.#machine).then(async (instance) => {
      if (instance !== undefined) await this.#powers.terminate(instance)
    })
    return this.#terminated
  }

  async #giveBack(): Promise<void> {
    this.#left.abort(new Error('the driver file that wanted this machine is gone'))
    // A launch that failed has cleaned up after itself.
    const instance = await this.#machine?.catch(() => undefined)
    if (instance === undefined) return
    if (this.#given && this.#terminated === undefined) {
      this.#powers.log(`${instance.type} ${instance.id}: its driver file is gone, terminating it`)
    }
    await this.#terminate().catch((error: unknown) => {
      this.#powers.log(`terminating ${instance.id} failed: ${failureOf(error).message}`)
    })
  }
}

function equal(left: string, right: string): boolean {
  const [a = Buffer.alloc(0), b = Buffer.alloc(0)] = [left, right].map((text) =>
    createHash('sha256').update(text).digest(),
  )
  return timingSafeEqual(a, b)
}
