/** Options of the metadata service, for a launch or for an instance that exists. */
import type * as ec2 from '@aws-sdk/client-ec2'

import type { Image } from '../../world/images.ts'
import type { MetadataOptions } from '../../world/instance.ts'
import { checkMetadataTags } from '../../world/metadata-tags.ts'
import type { Tags } from '../../world/resource.ts'
import { choice, within } from '../common/choice.ts'

const switches = ['enabled', 'disabled'] as const

/** An image that was made for IMDSv2 alone has it required, one hop further than usual for containers. */
export function usualMetadata({ imdsSupport }: Image): MetadataOptions {
  const strict = imdsSupport === 'v2.0'
  return {
    httpTokens: strict ? 'required' : 'optional',
    hopLimit: strict ? 2 : 1,
    httpEndpoint: 'enabled',
    instanceTags: 'disabled',
    ipv6: 'disabled',
  }
}

/** @param tags those of the instance, which its machine may come to see */
export function readMetadata(
  options: ec2.InstanceMetadataOptionsRequest = {},
  usual: MetadataOptions,
  tags: Tags,
): MetadataOptions {
  const metadata = {
    httpTokens:
      choice('HttpTokens', options.HttpTokens, ['optional', 'required']) ?? usual.httpTokens,
    httpEndpoint: choice('HttpEndpoint', options.HttpEndpoint, switches) ?? usual.httpEndpoint,
    hopLimit:
      within('HttpPutResponseHopLimit', options.HttpPutResponseHopLimit, { min: 1, max: 64 }) ??
      usual.hopLimit,
    instanceTags:
      choice('InstanceMetadataTags', options.InstanceMetadataTags, switches) ?? usual.instanceTags,
    ipv6: choice('HttpProtocolIpv6', options.HttpProtocolIpv6, switches) ?? usual.ipv6,
  }
  if (metadata.instanceTags === 'enabled') checkMetadataTags(tags)
  return metadata
}
