/**
 * What the far shell says before the command itself: its process id, and that what comes before the command went well.
 * It is said on stderr, which is stdout where there is a terminal, and taken out again here.
 */
import { randomBytes } from 'node:crypto'

// Nothing on a machine can print it before it has been sent one.
const mark = `@${randomBytes(9).toString('base64url')}`
// The longest is a line of /proc/PID/stat.
const longest = 4096

/** The id of the shell, which leads the session that sshd has made for the command. */
export const tellPid: string = `echo ${mark} $$ >&2`
/** Also when it began, so that another one with its id is not taken for it: costs a file, and so servers do it alone. */
export const tellPidAndBirth: string = `read -r BENCHAWAY </proc/$$/stat; echo ${mark} $$ $BENCHAWAY >&2; unset BENCHAWAY`
export const tellStart: string = `echo ${mark} >&2`

/** Takes so many marks out of a stream of bytes. */
export class MarkReader {
  #left: number
  #held: Buffer = Buffer.alloc(0)
  readonly #told: (words: string) => void

  /** @param told is given what follows a mark on its line */
  constructor(count: number, told: (words: string) => void) {
    this.#left = count
    this.#told = told
  }

  get isDone(): boolean {
    return this.#left === 0
  }

  /** What of these bytes is not ours; a beginning of a mark is held back. */
  take(chunk: Buffer): Buffer {
    if (this.#left === 0) return chunk
    const bytes = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk
    const start = bytes.indexOf(mark)
    const end = start < 0 ? -1 : bytes.indexOf('\n', start)
    if (end < 0) {
      const keep = start < 0 ? begun(bytes) : bytes.length - start
      this.#held = bytes.subarray(bytes.length - keep)
      if (keep > longest) this.#left = 0
      return this.#left === 0 ? this.rest(bytes) : bytes.subarray(0, bytes.length - keep)
    }
    this.#held = Buffer.alloc(0)
    this.#left--
    this.#told(bytes.toString('latin1', start + mark.length, end).trim())
    const after = this.take(bytes.subarray(end + 1))
    return start === 0 ? after : Buffer.concat([bytes.subarray(0, start), after])
  }

  /** What was held back, when no more comes. */
  rest(held: Buffer = this.#held): Buffer {
    this.#held = Buffer.alloc(0)
    return held
  }
}

/** How many bytes at the end may be the beginning of a mark. */
function begun(bytes: Buffer): number {
  for (let length = Math.min(mark.length - 1, bytes.length); length > 0; length--) {
    if (bytes.toString('latin1', bytes.length - length) === mark.slice(0, length)) return length
  }
  return 0
}
