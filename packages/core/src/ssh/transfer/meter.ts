import { textOf } from './names.ts'
import type { OnProgress } from './progress.ts'

const everyMs = 50

/** Counts, and tells the caller from time to time. */
export class Meter {
  bytes = 0
  files = 0
  totalBytes: number | undefined
  totalFiles: number | undefined
  #name: string | undefined
  #told = Number.NEGATIVE_INFINITY
  readonly #tell: OnProgress | undefined
  readonly #failure = new AbortController()

  constructor(tell: OnProgress | undefined) {
    this.#tell = tell
    this.#say()
  }

  /** Aborts with what the caller threw, who is then told nothing more. It happens where nobody could catch it. */
  get failure(): AbortSignal {
    return this.#failure.signal
  }

  /** A file is under way; a name as in `names.ts`. */
  on(name: string): void {
    this.#name = name
  }

  more(bytes: number): void {
    this.bytes += bytes
    if (this.#tell && performance.now() - this.#told >= everyMs) this.#say()
  }

  done(): void {
    this.totalBytes = this.bytes
    this.totalFiles = this.files
    this.stopped()
  }

  /** The last word when it has failed. */
  stopped(): void {
    this.#name = undefined
    this.#say()
  }

  #say(): void {
    const { bytes, files, totalBytes, totalFiles } = this
    this.#told = performance.now()
    const path = this.#name === undefined ? undefined : textOf(this.#name)
    if (this.failure.aborted) return
    try {
      this.#tell?.({ bytes, totalBytes, files, totalFiles, path })
    } catch (error) {
      this.#failure.abort(error)
    }
  }
}
