import { closeSync, constants, openSync, readSync } from 'node:fs'
import { Socket } from 'node:net'

/** A machine that floods its console costs no more than this of anyone's memory. */
const limit = 64 * 1024
const everyMs = 10

/** Reads the FIFO that is a machine's console and hands on what is written there, a little at a time. */
export class ConsoleReader {
  readonly #fd: number
  readonly #socket: Socket
  readonly #hand: (text: string) => void
  readonly #decoder = new TextDecoder()
  #held = ''
  #timer: NodeJS.Timeout | undefined

  constructor(fifo: string, hand: (text: string) => void) {
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
    clearTimeout(this.#timer)
    if (this.#held !== '') this.#hand(this.#held)
  }

  #take(bytes: Uint8Array): void {
    this.#held = (this.#held + this.#decoder.decode(bytes, { stream: true })).slice(-limit)
    // The first word at once, what follows it in lots.
    if (this.#timer === undefined) this.#flush()
  }

  #flush(): void {
    this.#timer = undefined
    if (this.#held === '') return
    this.#hand(this.#held)
    this.#held = ''
    this.#timer = setTimeout(() => this.#flush(), everyMs)
  }
}
