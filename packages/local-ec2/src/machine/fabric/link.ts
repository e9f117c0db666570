/** The program that a machine's link leads through while it has conditions, and the two network devices it makes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

import type { LinkConditions } from '../machine.ts'

export class Link {
  readonly #child: ChildProcess
  readonly #gone: Promise<unknown>
  readonly #answers: AsyncIterator<string>
  #complaint = ''

  /** @param devices names of the one on the side of everything else, and of the one on the machine's side */
  constructor(program: string, devices: readonly [outer: string, inner: string]) {
    // Isolated: nothing that lies around on this computer is imported.
    const child = spawn('python3', ['-I', '-S', program, ...devices], { stdio: 'pipe' })
    this.#child = child
    this.#gone = once(child, 'close').catch(() => {})
    child.on('error', (error) => (this.#complaint = error.message))
    child.stdin.on('error', () => {})
    this.#answers = createInterface(child.stdout)[Symbol.asyncIterator]()
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-1024)
    })
  }

  /**
   * Resolves when they are in force, the first time when both devices are there. One call at a time.
   *
   * @throws an `Error` with the last words of a program that is gone
   */
  async set(conditions: LinkConditions): Promise<void> {
    const { roundTripMs = 0, lossRate = 0, cut = null, seed = 1 } = conditions
    const line = JSON.stringify({ delayMs: roundTripMs / 2, lossRate, cut, seed })
    this.#child.stdin?.write(`${line}\n`)
    const { done = false } = await this.#answers.next()
    if (!done) return
    await this.#gone
    throw new Error(this.#complaint.trim().split('\n').at(-1) ?? '')
  }

  get isGone(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Resolves when the devices are gone. What is under way is lost. */
  async close(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#gone
  }
}
