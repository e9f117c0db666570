/** What IAM is told about an instance, that exists or is about to. */
import type { Instance, LaunchSpec } from '../../world/instance.ts'
import type { Demand } from '../action.ts'
import { existing } from '../common/demands.ts'

type Context = Demand['context']

/** @param context condition keys besides those of the instance */
export function ofInstance(instance: Instance, context: Context = {}): Demand {
  return existing('instance', instance, {
    ...instanceContext(instance),
    ...metadataContext(instance.metadata),
    'ec2:InstanceID': instance.id,
    ...context,
  })
}

/** @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html#amazonec2-instance */
export function instanceContext({
  type,
  subnet,
  ebsOptimized,
  autoRecovery,
}: Pick<Instance & LaunchSpec, 'type' | 'subnet' | 'ebsOptimized' | 'autoRecovery'>): Context {
  return {
    'ec2:AvailabilityZone': subnet.zone.name,
    'ec2:AvailabilityZoneId': subnet.zone.id,
    'ec2:EbsOptimized': ebsOptimized,
    'ec2:InstanceAutoRecovery': autoRecovery,
    'ec2:InstanceMarketType': 'on-demand',
    'ec2:InstanceType': type.name,
    'ec2:RootDeviceType': 'ebs',
    'ec2:Tenancy': 'default',
  }
}

function metadataContext({
  httpEndpoint,
  httpTokens,
  hopLimit,
  instanceTags,
}: Instance['metadata']): Context {
  return {
    'ec2:InstanceMetadataTags': instanceTags,
    'ec2:MetadataHttpEndpoint': httpEndpoint,
    'ec2:MetadataHttpPutResponseHopLimit': hopLimit,
    'ec2:MetadataHttpTokens': httpTokens,
  }
}
