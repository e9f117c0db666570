/**
 * A file that appears whole or not at all: until then it lies beside its place under a name of its own. Written by
 * Node's threads in large pieces, while more is deciphered here.
 */
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'

import { BenchawayError } from '../../errors.ts'
import { timesOf } from './file-times.ts'
import { localFailure } from './local-failure.ts'
import type { Flow } from './receive.ts'
import { statHere } from './stat-here.ts'

/** A part of the file that comes in order. */
export interface Lane {
  /** Where the next byte belongs. */
  at: number
  /** Where the lane ends. */
  readonly to: number
  /** What came last, and is not written yet. */
  buffered: Buffer[]
  bufferedBytes: number
}

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = fs.constants
const batchBytes = 2 ** 20
const mostInFlight = 8 * batchBytes

export function laneOf(at: number, to: number): Lane {
  return { at, to, buffered: [], bufferedBytes: 0 }
}

export class PartFile {
  /** Open for reading and writing. */
  readonly fd: number
  readonly #to: string
  readonly #part: string
  readonly #paused = new Set<Flow>()
  #inFlight = 0
  #failure: unknown
  #idle: (() => void) | undefined

  /** @throws {BenchawayError} `TRANSFER_FAILED` */
  constructor(to: string) {
    this.#to = path.resolve(to)
    const name = `.benchaway-${randomBytes(6).toString('hex')}.part`
    this.#part = path.join(path.dirname(this.#to), name)
    const there = statHere(this.#to)
    if (there && !there.isFile() && !there.isSymbolicLink()) {
      throw new BenchawayError(
        'TRANSFER_FAILED',
        `${to} is ${there.isDirectory() ? 'a folder' : 'no file'} on this computer, and what is pulled is a file`,
        { hint: 'Name the file that is to be written.' },
      )
    }
    try {
      this.fd = fs.openSync(this.#part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
    } catch (cause) {
      throw localFailure(to, cause)
    }
  }

  /** Takes over `chunk`; pauses `flow` while the disk is behind. */
  write(lane: Lane, chunk: Buffer, flow: Flow): void {
    if (this.#failure !== undefined) throw this.#failure
    lane.buffered.push(chunk)
    lane.bufferedBytes += chunk.length
    lane.at += chunk.length
    if (lane.bufferedBytes >= batchBytes) this.flush(lane)
    if (this.#inFlight > mostInFlight) {
      flow.pause()
      this.#paused.add(flow)
    }
  }

  flush(lane: Lane): void {
    const { buffered, bufferedBytes } = lane
    if (bufferedBytes === 0) return
    lane.buffered = []
    lane.bufferedBytes = 0
    this.#inFlight += bufferedBytes
    this.#writeAll(buffered, lane.at - bufferedBytes, bufferedBytes)
  }

  /** Resolves when everything that was flushed is written. */
  async settled(): Promise<void> {
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve
      })
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Gives it its mode and time, and moves it to its place. */
  place(mode: number, mtime: number): void {
    try {
      fs.fchmodSync(this.fd, mode)
      fs.futimesSync(this.fd, ...timesOf(mtime))
      fs.renameSync(this.#part, this.#to)
    } catch (cause) {
      throw localFailure(this.#to, cause)
    }
    fs.closeSync(this.fd)
  }

  async discard(): Promise<void> {
    // Its number may be another file's once it is closed.
    await this.settled().catch(() => undefined)
    fs.closeSync(this.fd)
    fs.rmSync(this.#part, { force: true })
  }

  #writeAll(buffers: Buffer[], position: number, bytes: number): void {
    fs.writev(this.fd, buffers, position, (error, written) => {
      if (error) this.#failure ??= localFailure(this.#to, error)
      else if (written < bytes) {
        // A disk that is full takes a part first.
        const rest = Buffer.concat(buffers).subarray(written)
        this.#inFlight -= written
        this.#writeAll([rest], position + written, rest.length)
        return
      }
      this.#inFlight -= bytes
      if (this.#inFlight < mostInFlight / 2 || this.#failure !== undefined) {
        for (const flow of this.#paused) flow.resume()
        this.#paused.clear()
      }
      if (this.#inFlight === 0) this.#idle?.()
    })
  }
}
