import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'

import type { Answer, Job, Measured, PeerName } from './job.ts'
import { dyingWithUs, kill } from './process.ts'

export interface PeerProcess extends AsyncDisposable {
  /** @throws with the words of the peer */
  measure(job: Job): Promise<Measured>
}

/** A process for one peer alone, so that its memory and its use of the processors are its own. */
export function startPeer(name: PeerName, enter: readonly string[]): PeerProcess {
  const main = path.join(import.meta.dirname, 'peer-main.ts')
  const [program, ...args] = [...enter, process.execPath, ...process.execArgv, main, name]
  const child = spawn(...dyingWithUs(program, args), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // A group of its own, with all the clients that it starts.
    detached: true,
  })
  const exit = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`its process ended with ${signal ?? `exit code ${code}`}`)
  })
  // Only of interest while an answer is waited for.
  exit.catch(() => {})
  return {
    async measure(job) {
      // Without a callback, that nobody is there to hear it would end us.
      child.send(job, () => {})
      const message = await Promise.race([once(child, 'message'), exit])
      const answer: Answer = message[0]
      if ('error' in answer) throw new Error(answer.error)
      return answer
    },
    [Symbol.asyncDispose]: () => kill(child, true),
  }
}
