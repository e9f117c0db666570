/**
 * The map of a sparse file, which precedes its content: how many regions there are, and where each begins and how
 * long it is; decimal numbers, one a line.
 *
 * @see https://www.gnu.org/software/tar/manual/html_node/PAX-1.html
 */
import { TarError } from './tar-fields.ts'

export interface Region {
  readonly offset: number
  readonly size: number
}

const block = 512
const newline = 0x0a
const zero = 0x30
const nine = 0x39
// Every region costs memory before a byte of content has come.
const maxRegions = 2 ** 20

export class SparseMap {
  readonly #realSize: number
  readonly #stored: number
  readonly #regions: Region[] = []
  #taken = 0
  #count: number | undefined
  #offset: number | undefined
  #number = 0
  #digits = 0

  /** @param stored bytes of the map and of the regions together */
  constructor(realSize: number, stored: number) {
    this.#realSize = realSize
    this.#stored = stored
  }

  /** Bytes of all regions. */
  get contentBytes(): number {
    return this.#stored - this.#taken
  }

  /** @returns up to where it has read */
  write(chunk: Buffer, from: number): number {
    let at = from
    // The map ends with the block that its last line is in.
    while (at < chunk.length && !(this.#isRead && this.#taken % block === 0)) {
      if (++this.#taken > this.#stored)
        throw new TarError('a sparse file that is shorter than its map')
      if (!this.#isRead) this.#byte(chunk[at] ?? 0)
      at++
    }
    return at
  }

  /**
   * @returns those with content, in order; undefined while the map is not over
   * @throws {TarError} when they do not fit each other or the file
   */
  regions(): Region[] | undefined {
    if (!this.#isRead || this.#taken % block !== 0) return undefined
    let end = 0
    let sum = 0
    const filled = this.#regions.filter(({ size }) => size > 0)
    for (const [index, { offset, size }] of filled.entries()) {
      // Each but the last fills its blocks, or what follows would begin elsewhere than its size says.
      const isWhole = size % block === 0 || index === filled.length - 1
      if (offset < end || !isWhole) throw new TarError('a sparse file whose map is wrong')
      end = offset + size
      sum += size
    }
    if (end > this.#realSize || sum !== this.contentBytes) {
      throw new TarError('a sparse file whose map is wrong')
    }
    return filled
  }

  get #isRead(): boolean {
    return this.#count !== undefined && this.#regions.length === this.#count
  }

  #byte(byte: number): void {
    if (byte >= zero && byte <= nine && this.#digits < 16) {
      this.#number = this.#number * 10 + byte - zero
      this.#digits++
      return
    }
    if (byte !== newline || this.#digits === 0)
      throw new TarError('a sparse file whose map is none')
    const value = this.#number
    this.#number = 0
    this.#digits = 0
    if (this.#count === undefined) {
      if (value > maxRegions) throw new TarError(`a sparse file of ${value} regions`)
      this.#count = value
    } else if (this.#offset === undefined) this.#offset = value
    else {
      this.#regions.push({ offset: this.#offset, size: value })
      this.#offset = undefined
    }
  }
}
