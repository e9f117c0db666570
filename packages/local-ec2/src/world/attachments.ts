/** What an instance holds, and what becomes of it when the instance ends. */
import type { VolumeType } from '@aws-sdk/client-ec2'

import type { Subnet } from './network.ts'
import { newId, type Resource, type Tags } from './resource.ts'
import type { SecurityGroup } from './security-group.ts'
import type { World } from './world.ts'

interface Attachment {
  readonly instanceId: string
  readonly time: Date
}

export interface VolumeSpec {
  device: string
  sizeGib: number
  type: VolumeType
  iops: number | undefined
  throughput: number | undefined
  snapshotId: string
  encrypted: boolean
  deleteOnTermination: boolean
}

export interface Volume extends Resource, Readonly<VolumeSpec> {
  readonly zone: Subnet['zone']
  readonly created: Date
  attachment: (Attachment & { deleteOnTermination: boolean }) | undefined
}

/** It ends with its instance. */
export interface NetworkInterface extends Resource {
  readonly attachmentId: string
  readonly subnet: Subnet
  readonly macAddress: string
  readonly privateIp: string
  readonly description: string
  publicIp: string | undefined
  /** Changed by `assignGroups` alone. */
  readonly groups: readonly SecurityGroup[]
  sourceDestCheck: boolean
  readonly attachment: Attachment
}

interface Owner {
  instanceId: string
  subnet: Subnet
  time: Date
  tags: Tags
}

export function createVolume(world: World, spec: VolumeSpec, owner: Owner): Volume {
  const { instanceId, subnet, time, tags } = owner
  const { deleteOnTermination } = spec
  const volume: Volume = {
    ...spec,
    ...world.stamp('volume'),
    id: newId('vol'),
    tags,
    zone: subnet.zone,
    created: time,
    attachment: { instanceId, time, deleteOnTermination },
  }
  world.volumes.set(volume.id, volume)
  return volume
}

export type InterfaceSpec = Pick<NetworkInterface, 'groups' | 'privateIp' | 'description'>

export function createInterface(world: World, spec: InterfaceSpec, owner: Owner): NetworkInterface {
  const { instanceId, subnet, time, tags } = owner
  const id = newId('eni')
  const networkInterface: NetworkInterface = {
    ...spec,
    id,
    publicIp: undefined,
    attachmentId: newId('eni-attach'),
    ...world.stamp('network-interface'),
    tags,
    subnet,
    // Locally administered, so it cannot be the address of a real card.
    macAddress: ['0a', ...(id.slice(-10).match(/../g) ?? [])].join(':'),
    sourceDestCheck: true,
    attachment: { instanceId, time },
  }
  world.networkInterfaces.set(networkInterface.id, networkInterface)
  return networkInterface
}

/** The only way in which the groups of an interface change: they are found by them. */
export function assignGroups(
  world: World,
  networkInterface: NetworkInterface,
  groups: readonly SecurityGroup[],
): void {
  const writable: { groups: readonly SecurityGroup[] } = networkInterface
  writable.groups = groups
  world.networkInterfaces.changed(networkInterface)
  const instance = world.instances.get(networkInterface.attachment.instanceId)
  if (instance !== undefined) world.instances.changed(instance)
}

/** Deletes those that were to go with the instance and detaches those that were to stay. */
export function release(world: World, volumes: readonly Volume[]): void {
  for (const volume of volumes) {
    if (volume.attachment?.deleteOnTermination) world.volumes.delete(volume.id)
    volume.attachment = undefined
  }
}
