import {
  paginateDescribeNetworkInterfaces,
  paginateDescribeSecurityGroups,
  paginateDescribeVolumes,
  type Tag,
} from '@aws-sdk/client-ec2'

import { call } from './call.ts'
import type { Clients } from './clients.ts'
import { describeInstances } from './machines.ts'
import { readTags, type RunTags, type Scope, scopeFilters } from './tags.ts'

export type ResourceKind = 'instance' | 'volume' | 'network-interface' | 'security-group'

/** One thing that exists in the account and carries our tags. */
export interface InventoryItem {
  readonly kind: ResourceKind
  /** Such as `i-0123456789abcdef0`. */
  readonly id: string
  /** EC2's own word, such as `running`, `in-use`; a security group has none. */
  readonly state: string | undefined
  readonly tags: RunTags
}

/**
 * Everything of a scope that EC2 still lists, asked by tag and checked exactly. A terminated instance, which EC2 shows
 * for about an hour, is nothing that is left.
 *
 * @param run only of this run
 */
export async function takeInventory(
  clients: Clients,
  scope: Scope,
  run?: string,
): Promise<InventoryItem[]> {
  const Filters = scopeFilters(scope, run)
  const page = { client: clients.ec2, pageSize: 1000 }
  const items: InventoryItem[] = []
  const add = (
    kind: ResourceKind,
    id: string | undefined,
    state: string | undefined,
    given: Tag[] | undefined,
  ): void => {
    const tags = readTags(given, scope)
    if (id === undefined || tags === undefined) return
    if (run === undefined || tags.run === run) items.push({ kind, id, state, tags })
  }
  await Promise.all([
    describeInstances(clients, { filters: Filters }).then((found) => {
      for (const instance of found) {
        if (instance.State?.Name === 'terminated') continue
        add('instance', instance.InstanceId, instance.State?.Name, instance.Tags)
      }
    }),
    call('DescribeVolumes', clients, async () => {
      for await (const { Volumes } of paginateDescribeVolumes(page, { Filters })) {
        for (const volume of Volumes ?? [])
          add('volume', volume.VolumeId, volume.State, volume.Tags)
      }
    }),
    call('DescribeNetworkInterfaces', clients, async () => {
      for await (const { NetworkInterfaces } of paginateDescribeNetworkInterfaces(page, {
        Filters,
      })) {
        for (const nic of NetworkInterfaces ?? []) {
          add('network-interface', nic.NetworkInterfaceId, nic.Status, nic.TagSet)
        }
      }
    }),
    call('DescribeSecurityGroups', clients, async () => {
      for await (const { SecurityGroups } of paginateDescribeSecurityGroups(page, { Filters })) {
        for (const group of SecurityGroups ?? []) {
          add('security-group', group.GroupId, undefined, group.Tags)
        }
      }
    }),
  ])
  return items
}
