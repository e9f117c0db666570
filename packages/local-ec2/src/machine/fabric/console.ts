import { closeSync, constants, openSync, readSync } from 'node:fs'
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A machine that floods its console costs no more than this of anyone's memory. */
const limit = 64 * 1024
const everyMs = 10

/**
 * Reads the FIFO that is a machine's console and hands on what is written there, a little at a time, and only when
 * what came before was taken.
 */
export class ConsoleReader {
  readonly #fd: number
  readonly #socket: Socket
  readonly #hand: (text: string) => void | Promise<void>
  readonly #decoder = new TextDecoder()
  #held = ''
  #isHanding = false

  /** @param hand never rejects */
  constructor(fifo: string, hand: (text: string) => void | Promise<void>) {
    this.#hand = hand
    // Open for writing too: else the FIFO would end whenever nobody inside has it open.
    const flags = constants.O_RDWR | constants.O_NONBLOCK
    this.#fd = openSync(fifo, flags)
    this.#socket = new Socket({ fd: openSync(fifo, flags), readable: true, writable: false })
    this.#socket.on('data', (bytes: Buffer) => this.#take(bytes))
  }

  /** Hands on what is still in the FIFO, and closes it. */
  close(): void {
    this.#socket.destroy()
    const bytes = Buffer.alloc(limit)
    try {
      const rest = bytes.subarray(0, readSync(this.#fd, bytes))
      this.#held = (this.#held + this.#decoder.decode(rest)).slice(-limit)
    } catch {
      // EAGAIN: it is empty.
    }
    closeSync(this.#fd)
    if (this.#held !== '') void this.#hand(this.#held)
    this.#held = ''
  }

  #take(bytes: Uint8Array): void {
    this.#held = (this.#held + this.#decoder.decode(bytes, { stream: true })).slice(-limit)
    if (!this.#isHanding) void this.#flush()
  }

  /** The first word at once, what follows it in lots. */
  async #flush(): Promise<void> {
    this.#isHanding = true
    while (this.#held !== '') {
      const text = this.#held
      this.#held = ''
      // oxlint-disable-next-line no-await-in-loop -- one lot after the other
      await this.#hand(text)
      // oxlint-disable-next-line no-await-in-loop -- no more than one lot in that time
      await sleep(everyMs)
    }
    this.#isHanding = false
  }
}
