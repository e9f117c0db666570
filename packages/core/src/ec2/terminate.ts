import { TerminateInstancesCommand } from '@aws-sdk/client-ec2'

import { awsCode, call } from './call.ts'
import type { Clients } from './clients.ts'
import { pollUntil } from './poll.ts'

/**
 * Terminates all of `ids`. EC2 terminates none of them when it does not know one, so then each is sent alone.
 *
 * @param patienceMs how long an unknown id is tried again: right after its launch that says nothing about its end
 * @returns those that EC2 did not know to the last
 * @throws {BenchawayError} of the first id that could not be terminated, after all were tried
 */
export async function terminateInstances(
  clients: Clients,
  ids: readonly string[],
  patienceMs: number,
): Promise<string[]> {
  if (ids.length === 0 || (await terminate(clients, ids))) return []
  const each = await Promise.allSettled(
    ids.map(async (id) => {
      const done = await pollUntil(
        () => terminate(clients, [id]).then((known) => (known ? true : undefined)),
        { timeoutMs: patienceMs },
      )
      return done === true ? [] : [id]
    }),
  )
  return each.flatMap((one) => {
    if (one.status === 'rejected') throw one.reason
    return one.value
  })
}

/** False when EC2 does not know one of them, and so has terminated none. */
async function terminate(clients: Clients, ids: readonly string[]): Promise<boolean> {
  try {
    await call('TerminateInstances', clients, () =>
      clients.ec2.send(new TerminateInstancesCommand({ InstanceIds: [...ids] })),
    )
    return true
  } catch (error) {
    if (awsCode(error) === 'InvalidInstanceID.NotFound') return false
    throw error
  }
}
