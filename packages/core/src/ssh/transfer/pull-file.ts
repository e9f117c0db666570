/**
 * One file comes down. A connection that is lost costs what was under way: what is here already does not come again.
 * Where the way is long, a channel brings no more than its window in each round trip, and a connection no more than what
 * the machine's kernel keeps for it, so a large file comes in several.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'

import { type FileHeader, readHeader } from './file-header.ts'
import { afterLine } from './first-line.ts'
import { modeOf } from './landing.ts'
import { bytesOf } from './names.ts'
import { type Lane, laneOf, PartFile } from './part-file.ts'
import type { PullContext } from './pull-context.ts'
import { changed, different, lost, noAnswer, refusedThere, tooMuch } from './pull-failure.ts'
import { rangeScript } from './pull-scripts.ts'
import { type Flow, type OnChunk, receive, type Received, wasLost } from './receive.ts'
import { Retries } from './retries.ts'
import { SingleSink } from './single-sink.ts'
import { TarReader } from './tar-reader.ts'
import { together } from './together.ts'

/** So many bytes come with the first answer. */
export const firstBytes: number = 8 * 2 ** 20

// With what other commands are likely to run beside it, fewer than a connection has channels.
const lanesOnLongWays = 6
const leastLane = 2 ** 20
// Of these lanes, and of files that are worth further logins.
const lanesApart = 3
const worthLogin = 32 * 2 ** 20

export class FilePull {
  readonly #context: PullContext
  readonly #header: FileHeader
  readonly #part: PartFile
  readonly #first: Lane
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  #rest: Promise<unknown> = Promise.resolve()
  readonly #archive: TarReader | undefined

  /** @param isLong the machine took its time to answer */
  constructor(context: PullContext, header: FileHeader, isLong: boolean) {
    const { limits, meter, signal } = context
    const { size, kind } = header
    if (size > limits.maxBytes) throw tooMuch(`${limits.maxBytes} bytes`, 'maxBytes')
    this.#context = context
    this.#header = header
    this.#signal = AbortSignal.any(signal ? [signal, this.#stop.signal] : [this.#stop.signal])
    this.#part = new PartFile(context.to)
    meter.on(bytesOf(context.path))
    meter.totalFiles = 1
    // Files of /proc say that they are empty.
    if (size > 0) meter.totalBytes = size
    const end = size === 0 ? Number.POSITIVE_INFINITY : Math.min(size, firstBytes)
    this.#first = laneOf(0, end)
    if (kind === 'sparse')
      this.#archive = new TarReader(new SingleSink(this.#part.fd, context.to, size, meter))
    else if (size > firstBytes) {
      const rest = lanes(firstBytes, size, isLong ? lanesOnLongWays : 1)
      this.#rest = together(
        rest.map((lane, index) =>
          this.#fetch(lane, size >= worthLogin && index >= lanesOnLongWays - lanesApart),
        ),
        this.#stop,
      )
      // Whoever waits for it hears of its failure; it may come before.
      this.#rest.catch(() => undefined)
    }
  }

  /** Takes what comes with the first answer. */
  readonly write: OnChunk = (chunk, flow) => {
    if (this.#archive) this.#archive.write(chunk)
    else this.#take(this.#first, chunk, flow)
  }

  /**
   * @param received how the first answer ended
   * @throws {BenchawayError}
   */
  async finish(received: Received): Promise<void> {
    const { path, checksum, mode, signal } = this.#context
    const { host } = this.#context.connection.target
    if (this.#archive || this.#first.to === Number.POSITIVE_INFINITY) {
      if (wasLost(received)) throw lost(path, host)
      if (received.exitCode !== 0) throw refusedThere(path, host, received)
      this.#archive?.end()
      this.#part.flush(this.#first)
    } else {
      if (!wasLost(received) && !received.isStopped) this.#check(this.#first, received)
      await this.#fetch(this.#first)
    }
    await this.#rest
    await this.#part.settled()
    if (checksum && (await sumOf(this.#part.fd)) !== this.#header.sum) throw different(path, host)
    signal?.throwIfAborted()
    this.#context.meter.files = 1
    this.#part.place(mode ?? modeOf(this.#header.mode), Number(this.#header.mtime))
  }

  async discard(): Promise<void> {
    this.#stop.abort()
    await this.#rest.catch(() => undefined)
    await this.#part.discard()
  }

  /** What is missing of a lane. */
  async #fetch(lane: Lane, apart = false): Promise<void> {
    const { connection, path } = this.#context
    const { host } = connection.target
    const retries = new Retries()
    while (lane.at < lane.to) {
      const before = lane.at
      const onChunk = afterLine((text) => {
        const now = readHeader(text)
        if (now === undefined) throw noAnswer(path, host)
        const { size, mtime } = this.#header
        if (now.size !== size || now.mtime !== mtime) throw changed(path, host)
        return (chunk, flow) => this.#take(lane, chunk, flow)
      })
      const script = rangeScript(path, lane.at, lane.to)
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const received = await retries.take(() =>
        receive(connection, script, onChunk, { signal: this.#signal, apart }),
      )
      if (received === undefined || wasLost(received))
        retries.count(lane.at > before, () => lost(path, host))
      else if (!received.isStopped) this.#check(lane, received)
    }
    this.#part.flush(lane)
  }

  /** A command has ended by itself: was it the end of the lane? */
  #check(lane: Lane, received: Received): void {
    const { connection, path } = this.#context
    if (received.exitCode !== 0) throw refusedThere(path, connection.target.host, received)
    if (lane.at < lane.to) throw changed(path, connection.target.host)
  }

  #take(lane: Lane, chunk: Buffer, flow: Flow): void {
    const { limits, meter } = this.#context
    // What is behind the end was not asked for.
    const wanted = Math.min(chunk.length, lane.to - lane.at)
    this.#part.write(lane, wanted < chunk.length ? chunk.subarray(0, wanted) : chunk, flow)
    if (wanted < chunk.length) flow.stop()
    if (lane.at > limits.maxBytes) throw tooMuch(`${limits.maxBytes} bytes`, 'maxBytes')
    meter.more(wanted)
  }
}

/** Equal parts, each as long as is worth a command of its own. */
function lanes(from: number, to: number, most: number): Lane[] {
  const count = Math.max(1, Math.min(most, Math.floor((to - from) / leastLane)))
  const length = Math.ceil((to - from) / count)
  return Array.from({ length: count }, (_, index) => {
    const at = from + index * length
    return laneOf(at, Math.min(at + length, to))
  })
}

async function sumOf(fd: number): Promise<string> {
  const hash = createHash('sha256')
  const stream = fs.createReadStream('', { fd, start: 0, autoClose: false, highWaterMark: 2 ** 20 })
  for await (const chunk of stream) hash.update(chunk)
  return hash.digest('hex')
}
