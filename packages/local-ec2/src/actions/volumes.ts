/** DescribeVolumes. */
import type * as ec2 from '@aws-sdk/client-ec2'

import type { Volume } from '../world/attachments.ts'
import type { Ec2Actions } from './action.ts'
import { describe } from './common/describe.ts'
import type { Fields } from './common/filters.ts'
import { tagList } from './common/tags.ts'

export const volumeActions: Ec2Actions = {
  DescribeVolumes: {
    accepts: { VolumeIds: true, Filters: true, MaxResults: true, NextToken: true, DryRun: true },
    plan(input, world) {
      const { items, NextToken } = describe(input, {
        kind: 'volume',
        resources: world.volumes,
        fields,
        ids: input.VolumeIds,
        exclusiveIds: 'volumeIds',
      })
      return () => ({ Volumes: items.map(show), NextToken })
    },
  },
}

function stateOf({ attachment }: Volume): 'in-use' | 'available' {
  return attachment === undefined ? 'available' : 'in-use'
}

const fields: Fields<Volume> = {
  'attachment.attach-time': ({ attachment }) => attachment?.time,
  'attachment.delete-on-termination': ({ attachment }) => attachment?.deleteOnTermination,
  'attachment.device': ({ attachment, device }) => attachment && device,
  'attachment.instance-id': ({ attachment }) => attachment?.instanceId,
  'attachment.status': ({ attachment }) => attachment && 'attached',
  'availability-zone': ({ zone }) => zone.name,
  'availability-zone-id': ({ zone }) => zone.id,
  'create-time': ({ created }) => created,
  encrypted: ({ encrypted }) => encrypted,
  'multi-attach-enabled': () => false,
  size: ({ sizeGib }) => sizeGib,
  'snapshot-id': ({ snapshotId }) => snapshotId,
  status: stateOf,
  'volume-id': ({ id }) => id,
  'volume-type': ({ type }) => type,
}

function show(volume: Volume): ec2.Volume {
  const { id, attachment, device } = volume
  return {
    VolumeId: id,
    VolumeType: volume.type,
    Size: volume.sizeGib,
    Iops: volume.iops,
    Throughput: volume.throughput,
    SnapshotId: volume.snapshotId,
    Encrypted: volume.encrypted,
    MultiAttachEnabled: false,
    AvailabilityZone: volume.zone.name,
    AvailabilityZoneId: volume.zone.id,
    CreateTime: volume.created,
    State: stateOf(volume),
    Attachments:
      attachment === undefined
        ? []
        : [
            {
              VolumeId: id,
              InstanceId: attachment.instanceId,
              Device: device,
              State: 'attached',
              AttachTime: attachment.time,
              DeleteOnTermination: attachment.deleteOnTermination,
            },
          ],
    Tags: tagList(volume.tags),
  }
}
