/** RunInstances. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { ApiError } from '../query/api-error.ts'
import type { LaunchSpec, MetadataOptions } from '../world/instance.ts'
import { findReservation, noFreeAddress, reserve } from '../world/reservation.ts'
import type { World } from '../world/world.ts'
import type { Ec2Actions } from './action.ts'
import { readTagSpecifications } from './common/tags.ts'
import { showReservations } from './instance/show.ts'
import { readImage, readType } from './launch/image.ts'
import { readNetwork } from './launch/network.ts'
import { readUserData } from './launch/user-data.ts'
import { readRootVolume } from './launch/volume.ts'
import { freeAddresses } from './network.ts'

type Input = ec2.RunInstancesCommandInput

export const runInstancesActions: Ec2Actions = {
  RunInstances: {
    accepts: {
      ImageId: true,
      InstanceType: true,
      MinCount: true,
      MaxCount: true,
      ClientToken: true,
      UserData: true,
      InstanceInitiatedShutdownBehavior: true,
      MetadataOptions: { HttpTokens: true, HttpEndpoint: true, HttpPutResponseHopLimit: true },
      NetworkInterfaces: {
        DeviceIndex: true,
        SubnetId: true,
        Groups: true,
        AssociatePublicIpAddress: true,
        DeleteOnTermination: true,
        Description: true,
      },
      SubnetId: true,
      SecurityGroupIds: true,
      BlockDeviceMappings: {
        DeviceName: true,
        Ebs: {
          VolumeSize: true,
          VolumeType: true,
          Iops: true,
          Throughput: true,
          Encrypted: true,
          DeleteOnTermination: true,
        },
      },
      Placement: { AvailabilityZone: true },
      EbsOptimized: true,
      TagSpecifications: true,
      DryRun: true,
    },
    plan(input, world) {
      const { DryRun: _, ClientToken: clientToken = '', ...parameters } = input
      if (!/^[\x21-\x7e]{0,64}$/.test(clientToken)) {
        throw new ApiError('InvalidClientToken', 'Client token must be at most 64 ASCII characters')
      }
      const fingerprint = JSON.stringify(parameters)
      const earlier = clientToken && findReservation(world, clientToken, fingerprint)
      const answer = ({ instances }: { instances: LaunchedInstances }): ec2.Reservation =>
        showReservations(instances, world)[0] ?? {}
      if (earlier) return () => answer(earlier)

      const spec = readSpec(input, world)
      const count = readCount(input, freeAddresses(spec.subnet, world), spec.subnet.id)
      return () => answer(reserve(world, spec, { count, fingerprint }))
    },
  },
}

type LaunchedInstances = Parameters<typeof showReservations>[0]

function readSpec(input: Input, world: World): LaunchSpec {
  const type = readType(input.InstanceType, world)
  const image = readImage(input.ImageId, type)
  const tags = readTagSpecifications(input.TagSpecifications, [
    'instance',
    'volume',
    'network-interface',
  ])
  return {
    image,
    type,
    ...readNetwork(input, world),
    rootVolume: readRootVolume(input.BlockDeviceMappings, image),
    userData: readUserData(input.UserData),
    shutdownBehavior: choice(
      'InstanceInitiatedShutdownBehavior',
      input.InstanceInitiatedShutdownBehavior,
      ['stop', 'terminate'],
    ),
    metadata: readMetadata(input.MetadataOptions),
    ebsOptimized: input.EbsOptimized ?? false,
    clientToken: input.ClientToken ?? '',
    tags: {
      instance: tags('instance'),
      volume: tags('volume'),
      'network-interface': tags('network-interface'),
    },
  }
}

function readMetadata(options: ec2.InstanceMetadataOptionsRequest = {}): MetadataOptions {
  const { HttpPutResponseHopLimit: hopLimit = 1 } = options
  if (!Number.isInteger(hopLimit) || hopLimit < 1 || hopLimit > 64) {
    throw invalid(
      `Value (${hopLimit}) for parameter HttpPutResponseHopLimit is invalid. It must be between 1 and 64.`,
    )
  }
  return {
    httpTokens: choice('HttpTokens', options.HttpTokens, ['optional', 'required']),
    httpEndpoint: choice('HttpEndpoint', options.HttpEndpoint, ['enabled', 'disabled']),
    hopLimit,
  }
}

/** One of a few words; the first one is the default. */
function choice<Word extends string>(
  parameter: string,
  value: string | undefined,
  words: readonly [Word, ...Word[]],
): Word {
  const word = value === undefined ? words[0] : words.find((allowed) => allowed === value)
  if (word !== undefined) return word
  throw invalid(`Value (${value}) for parameter ${parameter} is invalid.`)
}

/** As many as there is room for, up to MaxCount; never fewer than MinCount. */
function readCount({ MinCount, MaxCount }: Input, free: number, subnetId: string): number {
  const [min = 0, max = 0] = [MinCount, MaxCount]
  for (const [name, value] of [
    ['MinCount', min],
    ['MaxCount', max],
  ] as const) {
    if (!Number.isInteger(value) || value < 1) {
      throw invalid(
        `Value (${value}) for parameter ${name} is invalid. It must be a positive integer.`,
      )
    }
  }
  if (min > max) {
    throw new ApiError(
      'InvalidParameterCombination',
      `MinCount (${min}) must not be greater than MaxCount (${max})`,
    )
  }
  if (free < min) throw noFreeAddress(subnetId)
  return Math.min(max, free)
}

function invalid(message: string): ApiError {
  return new ApiError('InvalidParameterValue', message)
}
