import fs from 'node:fs'

import { localFailure } from './local-failure.ts'
import type { Meter } from './meter.ts'
import { TarError } from './tar-fields.ts'
import type { TarEntry, TarSink } from './tar-reader.ts'

/** An archive of one file, written into a file that is open; its holes stay holes. */
export class SingleSink implements TarSink {
  readonly #fd: number
  readonly #to: string
  readonly #size: number
  readonly #meter: Meter
  #entries = 0

  /** @param to what the file will be, for messages */
  constructor(fd: number, to: string, size: number, meter: Meter) {
    this.#fd = fd
    this.#to = to
    this.#size = size
    this.#meter = meter
  }

  begin({ kind, size }: TarEntry): void {
    if (++this.#entries > 1 || kind !== 'file' || size !== this.#size) {
      throw new TarError('it has something else than the file that was asked for')
    }
  }

  data(chunk: Buffer, position: number): void {
    try {
      for (let at = 0; at < chunk.length;) {
        at += fs.writeSync(this.#fd, chunk, at, chunk.length - at, position + at)
      }
    } catch (error) {
      throw localFailure(this.#to, error)
    }
    this.#meter.more(chunk.length)
  }

  end(): void {
    fs.ftruncateSync(this.#fd, this.#size)
  }
}
