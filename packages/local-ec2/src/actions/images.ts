/** DescribeImages. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { ApiError } from '../query/api-error.ts'
import { type Image, images } from '../world/images.ts'
import type { Ec2Actions } from './action.ts'
import { describe } from './common/describe.ts'
import type { Fields } from './common/filters.ts'
import { tagList } from './common/tags.ts'

/** All of our publishers are verified providers, whom EC2 lists as Amazon's. */
const ownerAlias = 'amazon'
const ownerAliases = ['self', ownerAlias, 'aws-backup-vault', 'aws-marketplace']

export const imageActions: Ec2Actions = {
  DescribeImages: {
    accepts: {
      ImageIds: true,
      Owners: true,
      ExecutableUsers: true,
      IncludeDeprecated: true,
      // None of ours is disabled, so there is none to leave out either.
      IncludeDisabled: true,
      Filters: true,
      MaxResults: true,
      NextToken: true,
      DryRun: true,
    },
    plan(input) {
      const shown = listed(input)
      const { items, NextToken } = describe(input, {
        kind: 'image',
        // An image that exists but is another owner's is left out, not refused.
        resources: input.ImageIds?.length ? images : shown,
        fields,
        ids: input.ImageIds,
        limits: { min: 1, max: 1000 },
      })
      return () => ({ Images: items.filter(({ id }) => shown.has(id)).map(showImage), NextToken })
    },
  },
}

/** Those that a call without filters would answer. */
function listed(input: ec2.DescribeImagesCommandInput): ReadonlyMap<string, Image> {
  const { Owners: owners = [], ExecutableUsers: users = [], ImageIds: ids = [] } = input
  checkAccounts(owners, ownerAliases)
  checkAccounts(users, ['self', 'all'])
  // Every image here is public: nobody has been given one, and this account owns none.
  const shared = users.length === 0 || users.includes('all')
  const late = input.IncludeDeprecated === true || ids.length > 0
  const now = Date.now()
  const belongs = ({ ownerId, deprecated }: Image): boolean =>
    shared &&
    (owners.length === 0 || owners.includes(ownerId) || owners.includes(ownerAlias)) &&
    (late || deprecated === undefined || deprecated.getTime() > now)
  return new Map([...images].filter(([, image]) => belongs(image)))
}

function checkAccounts(accounts: readonly string[], aliases: readonly string[]): void {
  const bad = accounts.find((account) => !/^\d{12}$/.test(account) && !aliases.includes(account))
  if (bad !== undefined) {
    throw new ApiError('InvalidUserID.Malformed', `Invalid user id: "${bad}"`)
  }
}

const fields: Fields<Image> = {
  architecture: ({ architecture }) => architecture,
  'block-device-mapping.delete-on-termination': () => true,
  'block-device-mapping.device-name': ({ rootDevice, ephemeralDevices }) => [
    rootDevice,
    ...ephemeralDevices,
  ],
  'block-device-mapping.encrypted': () => false,
  'block-device-mapping.snapshot-id': ({ rootSnapshotId }) => rootSnapshotId,
  'block-device-mapping.volume-size': ({ rootSizeGib }) => rootSizeGib,
  'block-device-mapping.volume-type': ({ rootVolumeType }) => rootVolumeType,
  'boot-mode': bootMode,
  'creation-date': ({ created }) => created,
  description: ({ description }) => description,
  'ena-support': () => true,
  'free-tier-eligible': ({ freeTier }) => freeTier,
  hypervisor: () => 'xen',
  'image-id': ({ id }) => id,
  'image-type': () => 'machine',
  'is-public': () => true,
  'kernel-id': () => undefined,
  'manifest-location': location,
  name: ({ name }) => name,
  'owner-alias': () => ownerAlias,
  'owner-id': ({ ownerId }) => ownerId,
  platform: () => undefined,
  'product-code': () => undefined,
  'product-code.type': () => undefined,
  'public-ssm-parameter-name': ({ parameters }) => parameters.map(withoutSlash),
  'ramdisk-id': () => undefined,
  'root-device-name': ({ rootDevice }) => rootDevice,
  'root-device-type': () => 'ebs',
  'source-image-id': () => undefined,
  'source-image-region': () => undefined,
  'source-instance-id': () => undefined,
  'sriov-net-support': () => 'simple',
  state: () => 'available',
  'state-reason-code': () => undefined,
  'state-reason-message': () => undefined,
  'virtualization-type': () => 'hvm',
}

function showImage(image: Image): ec2.Image {
  const { rootPerformance, isNewest } = image
  // `default` comes last, and is what AWS shows of several.
  const parameter = isNewest ? image.parameters.at(-1) : undefined
  return {
    ImageId: image.id,
    Name: image.name,
    Description: image.description,
    ImageLocation: location(image),
    ImageOwnerAlias: ownerAlias,
    OwnerId: image.ownerId,
    Public: true,
    ImageType: 'machine',
    State: 'available',
    Architecture: image.architecture,
    BootMode: bootMode(image),
    CreationDate: image.created.toISOString(),
    DeprecationTime: image.deprecated?.toISOString(),
    RootDeviceName: image.rootDevice,
    RootDeviceType: 'ebs',
    BlockDeviceMappings: [
      {
        DeviceName: image.rootDevice,
        Ebs: {
          DeleteOnTermination: true,
          Encrypted: false,
          SnapshotId: image.rootSnapshotId,
          VolumeSize: image.rootSizeGib,
          VolumeType: image.rootVolumeType,
          Iops: rootPerformance?.iops,
          Throughput: rootPerformance?.throughput,
        },
      },
      ...image.ephemeralDevices.map((device, index) => ({
        DeviceName: device,
        VirtualName: `ephemeral${index}`,
      })),
    ],
    EnaSupport: true,
    SriovNetSupport: 'simple',
    ImdsSupport: image.imdsSupport,
    Hypervisor: 'xen',
    VirtualizationType: 'hvm',
    PlatformDetails: 'Linux/UNIX',
    UsageOperation: 'RunInstances',
    FreeTierEligible: image.freeTier,
    PublicSsmParameterName: parameter && withoutSlash(parameter),
    Tags: image.tags.size === 0 ? undefined : tagList(image.tags),
  }
}

function location({ name }: Image): string {
  return `${ownerAlias}/${name}`
}

function bootMode({ architecture }: Image): ec2.BootModeValues {
  return architecture === 'arm64' ? 'uefi' : 'uefi-preferred'
}

/** Of a parameter's name there is no slash in front here, and one everywhere else. */
function withoutSlash(parameter: string): string {
  return parameter.slice(1)
}
