import { randomBytes } from 'node:crypto'

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/**
 * A ULID: 26 characters, the first ten of which are the time, so that runs sort by age.
 *
 * @see https://github.com/ulid/spec
 */
export function makeRunId(now: number = Date.now()): string {
  let time = ''
  for (let rest = now; time.length < 10; rest = Math.floor(rest / 32)) {
    time = alphabet.charAt(rest % 32) + time
  }
  return time + Array.from(randomBytes(16), (byte) => alphabet.charAt(byte % 32)).join('')
}

/** Epoch milliseconds; undefined for a text that is no run id. */
export function timeOfRunId(run: string): number | undefined {
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(run)) return undefined
  let time = 0
  for (const digit of run.slice(0, 10)) time = time * 32 + alphabet.indexOf(digit)
  return time
}
