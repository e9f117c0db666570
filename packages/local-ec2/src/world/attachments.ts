/** What an instance holds, and what becomes of it when the instance ends. */
import { randomBytes } from 'node:crypto'

import type { VolumeType } from '@aws-sdk/client-ec2'

import type { Subnet } from './network.ts'
import { newId, type Resource, type Tags } from './resource.ts'
import type { SecurityGroup } from './security-group.ts'
import type { World } from './world.ts'

interface Attachment {
  readonly instanceId: string
  readonly time: Date
  readonly deleteOnTermination: boolean
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
  attachment: Attachment | undefined
}

export interface NetworkInterface extends Resource {
  readonly attachmentId: string
  readonly subnet: Subnet
  readonly macAddress: string
  readonly privateIp: string
  readonly description: string
  publicIp: string | undefined
  groups: SecurityGroup[]
  attachment: Attachment | undefined
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
    ...world.stamp(),
    id: newId('vol'),
    tags,
    zone: subnet.zone,
    created: time,
    attachment: { instanceId, time, deleteOnTermination },
  }
  world.volumes.set(volume.id, volume)
  return volume
}

export interface InterfaceSpec extends Pick<
  NetworkInterface,
  'groups' | 'privateIp' | 'publicIp' | 'description'
> {
  deleteOnTermination: boolean
}

export function createInterface(world: World, spec: InterfaceSpec, owner: Owner): NetworkInterface {
  const { instanceId, subnet, time, tags } = owner
  const { deleteOnTermination, ...facts } = spec
  const networkInterface: NetworkInterface = {
    ...facts,
    id: newId('eni'),
    attachmentId: newId('eni-attach'),
    ...world.stamp(),
    tags,
    subnet,
    // Locally administered, so it cannot be the address of a real card.
    macAddress: ['0a', ...(randomBytes(5).toString('hex').match(/../g) ?? [])].join(':'),
    attachment: { instanceId, time, deleteOnTermination },
  }
  world.networkInterfaces.set(networkInterface.id, networkInterface)
  return networkInterface
}

/** Deletes what was to go with the instance and detaches what was to stay. */
export function release(world: World, held: readonly (Volume | NetworkInterface)[]): void {
  for (const resource of held) {
    if (resource.attachment?.deleteOnTermination) {
      world.volumes.delete(resource.id)
      world.networkInterfaces.delete(resource.id)
    }
    resource.attachment = undefined
    if ('publicIp' in resource) resource.publicIp = undefined
  }
}
