import { ModifyInstanceAttributeCommand } from '@aws-sdk/client-ec2'

import { call } from './call.ts'
import type { Clients } from './clients.ts'

/**
 * Moves a machine to other security groups. A machine that left ours before it is terminated lets go of it at once;
 * otherwise the group could be deleted only when EC2 has taken the interface apart, about a minute later.
 */
export async function leaveGroup(clients: Clients, id: string, to: string): Promise<void> {
  await call('ModifyInstanceAttribute', clients, () =>
    clients.ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: id, Groups: [to] })),
  )
}
