import type { Landed, Landing } from './landing.ts'
import type { TarEntry, TarSink } from './tar-reader.ts'

/** A file that is coming down. */
export interface OpenFile {
  /** Another file's once this one is closed. */
  readonly fd: number
  readonly landed: Landed
  readonly id: string
  readonly isSparse: boolean
  /** What has come of it. */
  bytes: number
}

/** One stream of several that may come down at once. */
export class LandingSink implements TarSink {
  readonly #landing: Landing
  #file: OpenFile | undefined

  constructor(landing: Landing) {
    this.#landing = landing
  }

  begin(entry: TarEntry): void {
    this.#file = this.#landing.begin(entry)
  }

  data(chunk: Buffer, position: number): void {
    if (this.#file) this.#landing.write(this.#file, chunk, position)
  }

  end(): void {
    const file = this.#file
    this.#file = undefined
    if (file) this.#landing.finish(file)
  }

  /** The stream broke off. */
  drop(): void {
    if (this.#file) this.#landing.drop(this.#file)
    this.#file = undefined
  }
}
