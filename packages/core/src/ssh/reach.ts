import { setTimeout as sleep } from 'node:timers/promises'

import type { Client } from 'ssh2'

import { BenchawayError } from '../errors.ts'
import type { SshTarget } from './connection.ts'
import { explain } from './explain.ts'
import { handshake } from './handshakes.ts'
import { login } from './login.ts'
import { Pauses } from './pauses.ts'

// EC2 drops packets to a machine that is not up yet, and TCP asks again after 1, 3, 7 and 15 seconds: a try that was
// begun too early must not outlive the moment when the machine is there.
const loginMs = 5000

/** Logs in, again and again until the deadline; throws as `connect()` does. */
export async function reach(
  target: SshTarget,
  options: { timeoutMs: number; keepaliveMs: number; signal?: AbortSignal | undefined },
): Promise<Client> {
  const { timeoutMs, keepaliveMs, signal } = options
  const { host, port } = target
  const deadline = performance.now() + timeoutMs
  const pauses = new Pauses()
  for (;;) {
    signal?.throwIfAborted()
    let pauseMs: number | undefined
    try {
      return await handshake(`${host} ${port}`, signal, () => {
        const left = Math.max(deadline - performance.now(), 1)
        return login(target, { timeoutMs: Math.min(loginMs, left), keepaliveMs, signal })
      })
    } catch (error) {
      signal?.throwIfAborted()
      pauseMs = pauses.after(error)
      if (pauseMs === undefined || performance.now() + pauseMs >= deadline) {
        if (error instanceof BenchawayError) throw error
        const why = explain(error)
        const none = `no ssh login at ${host} port ${port} within ${timeoutMs / 1000} s`
        throw new BenchawayError(
          why?.code ?? 'SSH_UNREACHABLE',
          why ? `${none}: ${why.message}` : none,
          {
            hint:
              why?.hint ??
              'Look at the console of the machine, and check that your network lets you out to that port.',
            cause: error,
          },
        )
      }
    }
    // An aborted sleep rejects with its own AbortError; the caller is owed `signal.reason`.
    await sleep(pauseMs, undefined, { signal }).catch(() => signal?.throwIfAborted())
  }
}
