import { TerminateInstancesCommand } from '@aws-sdk/client-ec2'

import { awsCode, call } from './call.ts'
import type { Clients } from './clients.ts'

/**
 * Terminates all of `ids`. EC2 terminates none of them when it does not know one, so then each is sent alone.
 *
 * @throws {BenchawayError} of the first id that could not be terminated, after all were tried
 */
export async function terminateInstances(clients: Clients, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  try {
    await call('TerminateInstances', clients, () =>
      clients.ec2.send(new TerminateInstancesCommand({ InstanceIds: [...ids] })),
    )
  } catch (error) {
    if (awsCode(error) !== 'InvalidInstanceID.NotFound') throw error
    if (ids.length === 1) return
    const each = await Promise.allSettled(ids.map((id) => terminateInstances(clients, [id])))
    for (const one of each) if (one.status === 'rejected') throw one.reason
  }
}
