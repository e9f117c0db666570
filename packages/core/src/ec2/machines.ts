/** What EC2 says about instances, one page after the other. */
import {
  type Filter,
  type Instance as Ec2Instance,
  paginateDescribeInstances,
} from '@aws-sdk/client-ec2'

import { call } from './call.ts'
import type { Clients } from './clients.ts'

export async function describeInstances(
  clients: Clients,
  which: { ids: string[] } | { filters: Filter[] },
): Promise<Ec2Instance[]> {
  // EC2 refuses a page size together with ids.
  const paging = 'ids' in which ? {} : { pageSize: 1000 }
  const input = 'ids' in which ? { InstanceIds: which.ids } : { Filters: which.filters }
  return call('DescribeInstances', clients, async () => {
    const found: Ec2Instance[] = []
    for await (const page of paginateDescribeInstances({ client: clients.ec2, ...paging }, input)) {
      for (const reservation of page.Reservations ?? [])
        found.push(...(reservation.Instances ?? []))
    }
    return found
  })
}

/** Neither costs money nor comes back. */
export function hasEnded(instance: Ec2Instance): boolean {
  const state = instance.State?.Name
  return state === 'terminated' || state === 'shutting-down'
}
