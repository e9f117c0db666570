import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

import { ConsoleReader } from './console.ts'
import { run } from './run.ts'

/**
 * How a machine asks the fabric for what it may not do itself: a line into one FIFO, and a line back when it is done.
 *
 * Both are opened before the machine exists, so that it cannot put something else in their place.
 */
export class Errand {
  readonly #asked: ConsoleReader
  readonly #answer: number
  #isOpen = true

  private constructor(directory: string, does: (line: string) => Promise<void>) {
    this.#answer = openSync(join(directory, 'answer'), constants.O_RDWR | constants.O_NONBLOCK)
    let held = ''
    this.#asked = new ConsoleReader(join(directory, 'ask'), (text) => {
      const lines = (held + text).split('\n')
      held = (lines.pop() ?? '').slice(-lineLimit)
      // One that asks for more at a time than any machine does gets no answer.
      for (const line of lines.slice(0, 8)) void does(line).then(this.#done, this.#done)
    })
  }

  /** @param does what a line asks for; one that it does not know it ignores */
  static async open(directory: string, does: (line: string) => Promise<void>): Promise<Errand> {
    await run('mkfifo', ['-m', '600', join(directory, 'ask'), join(directory, 'answer')])
    return new Errand(directory, does)
  }

  close(): void {
    this.#isOpen = false
    this.#asked.close()
    closeSync(this.#answer)
  }

  // An errand that failed is over, too: the machine boots without.
  readonly #done = (): void => {
    try {
      if (this.#isOpen) writeSync(this.#answer, 'done\n')
    } catch {
      // It asked without reading what it was answered, until nothing more fits.
    }
  }
}

const lineLimit = 64
