import { ModifyInstanceAttributeCommand } from '@aws-sdk/client-ec2'

import { call } from './call.ts'
import type { Clients } from './clients.ts'
import { describeInstances, hasEnded } from './machines.ts'
import { defaultGroupOf } from './security-group.ts'

/**
 * Moves machines to the default security group of their VPC. A machine that left ours before it is terminated lets go
 * of it at once; otherwise the group could be deleted only when EC2 has taken the interface apart, a minute later.
 */
export async function leaveGroup(clients: Clients, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  const machines = await describeInstances(clients, { ids: [...ids] })
  const byVpc = Map.groupBy(
    machines.filter((machine) => !hasEnded(machine)),
    (machine) => machine.VpcId ?? '',
  )
  await Promise.all(
    [...byVpc].map(async ([vpc, inside]) => {
      const group = await defaultGroupOf(clients, vpc)
      if (group === undefined) return
      await Promise.all(
        inside.map(({ InstanceId: id }) =>
          call('ModifyInstanceAttribute', clients, () =>
            clients.ec2.send(
              new ModifyInstanceAttributeCommand({ InstanceId: id, Groups: [group] }),
            ),
          ),
        ),
      )
    }),
  )
}
