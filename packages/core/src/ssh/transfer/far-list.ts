/** What there is on the machine, as `find` prints it (`pull-scripts.ts`). */
import { checkNames, tooMuch } from './pull-failure.ts'
import type { OnChunk } from './receive.ts'
import { TarError } from './tar-fields.ts'

export interface FarEntry {
  /** As it was sent. */
  readonly name: string
  /** A letter of `find`'s: `f`, `d`, `l` and others. */
  readonly type: string
  /** All twelve bits. */
  readonly mode: number
  readonly size: number
  /** Seconds. */
  readonly mtime: number
  /** Where a link leads; '' for others. */
  readonly target: string
}

const described = /^(\S) ([0-7]{1,4}) (\d{1,16}) (-?\d{1,12}(?:\.\d{1,6})?)\d* \d+ ([^]*)$/
// Longer than any path.
const longest = 16_384
// Of what is before a name, the name itself, or where a link leads: what is longer is refused for it later.
const longestKept = 4400

/** Reads the output of `find`. */
export class FarList {
  readonly entries: FarEntry[] = []
  readonly #maxFiles: number
  #tail = Buffer.alloc(0)
  #described: string | undefined
  #names = 0

  constructor(maxFiles: number) {
    this.#maxFiles = maxFiles
  }

  readonly write: OnChunk = (chunk) => {
    const bytes = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk])
    let at = 0
    for (let end = bytes.indexOf(0); end !== -1; end = bytes.indexOf(0, at)) {
      this.#take(bytes.toString('latin1', at, Math.min(end, at + longestKept)))
      at = end + 1
    }
    this.#tail = Buffer.from(bytes.subarray(at))
    if (this.#tail.length > longest) throw new TarError('a name without an end')
  }

  /** @throws {TarError} when the list breaks off */
  end(): void {
    if (this.#tail.length > 0 || this.#described !== undefined) throw new TarError('it breaks off')
  }

  #take(text: string): void {
    if (this.#described === undefined) {
      this.#described = text
      return
    }
    const [, type, mode, size, mtime, name] = described.exec(this.#described) ?? []
    if (type === undefined || mode === undefined || name === undefined) {
      throw new TarError('a list that is none')
    }
    this.#described = undefined
    // The folder itself does not count.
    if (this.entries.length > this.#maxFiles) throw tooMuch(`${this.#maxFiles} files`, 'maxFiles')
    this.#names += name.length + text.length
    checkNames(this.#names, this.#maxFiles)
    this.entries.push({
      name,
      type,
      mode: Number.parseInt(mode, 8),
      size: Number(size),
      mtime: Number(mtime),
      target: text,
    })
  }
}
