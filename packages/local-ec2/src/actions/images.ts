/** DescribeImages. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { ApiError } from '../query/api-error.ts'
import { type Image, images } from '../world/images.ts'
import type { Resource } from '../world/resource.ts'
import type { Ec2Actions } from './action.ts'
import { describe } from './common/describe.ts'
import type { Fields } from './common/filters.ts'
import { tagList } from './common/tags.ts'

export const imageActions: Ec2Actions = {
  DescribeImages: {
    accepts: {
      ImageIds: true,
      Owners: true,
      ExecutableUsers: true,
      IncludeDeprecated: true,
      IncludeDisabled: true,
      Filters: true,
      MaxResults: true,
      NextToken: true,
      DryRun: true,
    },
    plan(input) {
      const { Owners: owners = [], ExecutableUsers: users = [] } = input
      checkAccounts(owners, ownerAliases)
      checkAccounts(users, ['self', 'all'])
      // Every image here is public: nobody has been given one, and this account owns none.
      const shared = users.length === 0 || users.includes('all')
      const resources = only(
        images,
        (image) => shared && (owners.length === 0 || owners.some((owner) => owns(owner, image))),
      )
      const { items, NextToken } = describe(input, {
        kind: 'image',
        // An image that exists but is another owner's is left out, not refused.
        resources: input.ImageIds?.length ? images : resources,
        fields,
        ids: input.ImageIds,
        limits: { min: 1, max: 1000 },
      })
      return () => ({ Images: items.filter(({ id }) => resources.has(id)).map(show), NextToken })
    },
  },
}

const ownerAliases = ['self', 'amazon', 'aws-backup-vault', 'aws-marketplace']

function checkAccounts(accounts: readonly string[], aliases: readonly string[]): void {
  const bad = accounts.find((account) => !/^\d{12}$/.test(account) && !aliases.includes(account))
  if (bad !== undefined) {
    throw new ApiError('InvalidUserID.Malformed', `Invalid user id: "${bad}"`)
  }
}

function only<T extends Resource>(
  resources: ReadonlyMap<string, T>,
  keep: (resource: T) => boolean,
): ReadonlyMap<string, T> {
  return new Map([...resources].filter(([, resource]) => keep(resource)))
}

function owns(owner: string, { ownerId, ownerAlias }: Image): boolean {
  return owner === ownerId || owner === ownerAlias
}

const fields: Fields<Image> = {
  architecture: ({ architecture }) => architecture,
  'block-device-mapping.delete-on-termination': () => true,
  'block-device-mapping.device-name': ({ rootDevice }) => rootDevice,
  'block-device-mapping.encrypted': () => false,
  'block-device-mapping.snapshot-id': ({ rootSnapshotId }) => rootSnapshotId,
  'block-device-mapping.volume-size': ({ rootSizeGib }) => rootSizeGib,
  'block-device-mapping.volume-type': ({ rootVolumeType }) => rootVolumeType,
  'creation-date': ({ created }) => created,
  description: ({ description }) => description,
  'ena-support': () => true,
  hypervisor: () => 'xen',
  'image-id': ({ id }) => id,
  'image-type': () => 'machine',
  'is-public': () => true,
  name: ({ name }) => name,
  'owner-alias': ({ ownerAlias }) => ownerAlias,
  'owner-id': ({ ownerId }) => ownerId,
  'root-device-name': ({ rootDevice }) => rootDevice,
  'root-device-type': () => 'ebs',
  state: () => 'available',
  'virtualization-type': () => 'hvm',
}

function show(image: Image): ec2.Image {
  const { id, name, ownerId, ownerAlias, architecture, rootDevice, created } = image
  return {
    ImageId: id,
    Name: name,
    Description: image.description,
    ImageLocation: `${ownerAlias ?? ownerId}/${name}`,
    ImageOwnerAlias: ownerAlias,
    OwnerId: ownerId,
    Public: true,
    ImageType: 'machine',
    State: 'available',
    Architecture: architecture,
    BootMode: architecture === 'arm64' ? 'uefi' : 'uefi-preferred',
    CreationDate: created.toISOString(),
    RootDeviceName: rootDevice,
    RootDeviceType: 'ebs',
    BlockDeviceMappings: [
      {
        DeviceName: rootDevice,
        Ebs: {
          DeleteOnTermination: true,
          Encrypted: false,
          SnapshotId: image.rootSnapshotId,
          VolumeSize: image.rootSizeGib,
          VolumeType: image.rootVolumeType,
        },
      },
    ],
    EnaSupport: true,
    SriovNetSupport: 'simple',
    Hypervisor: 'xen',
    VirtualizationType: 'hvm',
    PlatformDetails: 'Linux/UNIX',
    UsageOperation: 'RunInstances',
    Tags: tagList(image.tags),
  }
}
