/** ModifyInstanceMetadataOptions. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { ApiError } from '../query/api-error.ts'
import { relearn } from '../world/lifecycle.ts'
import { requireOne } from '../world/resource.ts'
import type { Demand, Ec2Actions } from './action.ts'
import { ofInstance } from './instance/demands.ts'
import { showMetadata } from './instance/show.ts'
import { readMetadata } from './launch/metadata.ts'

export const instanceMetadataActions: Ec2Actions = {
  ModifyInstanceMetadataOptions: {
    accepts: {
      InstanceId: true,
      HttpTokens: true,
      HttpPutResponseHopLimit: true,
      HttpEndpoint: true,
      HttpProtocolIpv6: true,
      InstanceMetadataTags: true,
      DryRun: true,
    },
    plan(options, world) {
      const { InstanceId: id = '' } = options
      const instance = requireOne('instance', world.instances, id)
      const metadata = readMetadata(options, instance.metadata, instance.tags)
      return {
        demands: [ofInstance(instance, attributeKeys(options))],
        check() {
          if (instance.state === 'terminated' || instance.state === 'shutting-down') {
            throw new ApiError(
              'IncorrectInstanceState',
              `The instance '${id}' is not in a state from which its metadata options can be modified`,
            )
          }
        },
        commit() {
          instance.metadata = metadata
          relearn(world, instance)
          return {
            InstanceId: id,
            // Applied at once here, which only another call is told.
            InstanceMetadataOptions: { ...showMetadata(metadata), State: 'pending' as const },
          }
        },
      }
    },
  },
}

/** What IAM calls the options that are set. */
function attributeKeys(options: ec2.InstanceMetadataOptionsRequest): Demand['context'] {
  const names = [
    'HttpTokens',
    'HttpPutResponseHopLimit',
    'HttpEndpoint',
    'HttpProtocolIpv6',
    'InstanceMetadataTags',
  ] as const
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = options[name]
      return value === undefined ? [] : [[`ec2:Attribute/${name}`, value] as const]
    }),
  )
}
