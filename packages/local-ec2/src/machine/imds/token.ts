/** Session tokens of a metadata service: nothing is kept of one, so that asking for many costs nothing. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

// In the form of EC2's own, 56 characters of base64 that begin alike.
const prefix = Buffer.from([1, 0, 0, 0])

export class Tokens {
  readonly #secret = randomBytes(32)

  /** @param now in milliseconds */
  issue(lifetimeSeconds: number, now: number): string {
    const end = Buffer.alloc(4)
    end.writeUInt32BE(Math.floor(now / 1000) + lifetimeSeconds)
    return Buffer.concat([prefix, end, this.#proofOf(end)])
      .toString('base64url')
      .concat('==')
  }

  /** @returns how many seconds it still lives; `undefined` for one that is not from here, or is over */
  remaining(token: string, now: number): number | undefined {
    const bytes = Buffer.from(token, 'base64url')
    // Many texts are read as the same bytes; only one of them is the token.
    if (bytes.length !== 40 || textOf(bytes) !== token) return undefined
    if (!bytes.subarray(0, 4).equals(prefix)) return undefined
    const end = bytes.subarray(4, 8)
    if (!timingSafeEqual(bytes.subarray(8), this.#proofOf(end))) return undefined
    const seconds = end.readUInt32BE() - Math.floor(now / 1000)
    return seconds > 0 ? seconds : undefined
  }

  #proofOf(end: Uint8Array): Buffer {
    return createHmac('sha256', this.#secret).update(end).digest()
  }
}

const textOf = (bytes: Buffer): string => `${bytes.toString('base64url')}==`
