/** What RunInstances asks IAM for: one demand for each resource that it makes or uses. */
import type { RunInstancesCommandInput } from '@aws-sdk/client-ec2'

import type { LaunchSpec } from '../../world/instance.ts'
import { region } from '../../world/network.ts'
import type { World } from '../../world/world.ts'
import type { Demand } from '../action.ts'
import { created, existing } from '../common/demands.ts'
import { instanceContext } from '../instance/demands.ts'
import { aliasDemands } from './image.ts'

type Context = Demand['context']

/**
 * @param input what the caller asked for by name: IAM does not hear of defaults
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html#amazonec2-RunInstances
 */
export function launchDemands(
  spec: LaunchSpec,
  input: RunInstancesCommandInput,
  { accountId }: World,
): Demand[] {
  const { image, subnet, groups, keyPair, rootVolume, tags } = spec
  const arn = (resource: string, owner = accountId): string =>
    `arn:aws:ec2:${region}:${owner}:${resource}`
  const zone = {
    'ec2:AvailabilityZone': subnet.zone.name,
    'ec2:AvailabilityZoneId': subnet.zone.id,
  }
  const vpc = { 'ec2:Vpc': arn(`vpc/${subnet.vpc.id}`) }
  const { MetadataOptions: metadata, NetworkInterfaces: interfaces, BlockDeviceMappings } = input
  const snapshot = { id: rootVolume.snapshotId, tags: new Map() }
  return [
    ...aliasDemands(input.ImageId),
    ...created('instance', 'RunInstances', tags.instance, {
      ...instanceContext(spec),
      ...given({
        'ec2:InstanceMetadataTags': metadata?.InstanceMetadataTags,
        'ec2:MetadataHttpEndpoint': metadata?.HttpEndpoint,
        'ec2:MetadataHttpPutResponseHopLimit': metadata?.HttpPutResponseHopLimit,
        'ec2:MetadataHttpTokens': metadata?.HttpTokens,
      }),
    }),
    ...created('volume', 'RunInstances', tags.volume, {
      ...zone,
      'ec2:Encrypted': rootVolume.encrypted,
      'ec2:ParentSnapshot': arn(`snapshot/${rootVolume.snapshotId}`, ''),
      'ec2:VolumeSize': rootVolume.sizeGib,
      'ec2:VolumeType': rootVolume.type,
      ...given({
        'ec2:VolumeIops': rootVolume.iops,
        'ec2:VolumeThroughput': rootVolume.throughput,
      }),
    }),
    ...created('network-interface', 'RunInstances', tags['network-interface'], {
      ...zone,
      ...vpc,
      'ec2:Subnet': arn(`subnet/${subnet.id}`),
      ...given({ 'ec2:AssociatePublicIpAddress': interfaces?.[0]?.AssociatePublicIpAddress }),
    }),
    ...groups.map((group) =>
      existing('security-group', group, { 'ec2:SecurityGroupID': group.id, ...vpc }),
    ),
    existing('subnet', subnet, { 'ec2:SubnetID': subnet.id, ...zone, ...vpc }),
    existing('image', image, {
      'aws:ResourceAccount': image.ownerId,
      'ec2:ImageID': image.id,
      'ec2:ImageType': 'machine',
      // As DescribeImages says of every image here: Amazon's own, or of a provider that it vouches for.
      'ec2:Owner': 'amazon',
      'ec2:Public': true,
      'ec2:RootDeviceType': 'ebs',
    }),
    // The one that the image brings along is the image's business.
    ...(BlockDeviceMappings?.[0]?.Ebs?.SnapshotId === undefined
      ? []
      : [
          existing('snapshot', snapshot, {
            'aws:ResourceAccount': image.ownerId,
            'ec2:SnapshotID': snapshot.id,
          }),
        ]),
    ...(keyPair === undefined
      ? []
      : [
          existing(
            'key-pair',
            // Its ARN ends in its name.
            { id: keyPair.name, tags: keyPair.tags },
            { 'ec2:KeyPairName': keyPair.name, 'ec2:KeyPairType': keyPair.type },
          ),
        ]),
  ]
}

function given(context: Record<string, Context[string] | undefined>): Context {
  const pairs = Object.entries(context).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  )
  return Object.fromEntries(pairs)
}
