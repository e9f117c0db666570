/** The root volume of a launch. */
import type { BlockDeviceMapping, EbsBlockDevice } from '@aws-sdk/client-ec2'

import { ApiError } from '../../query/api-error.ts'
import type { VolumeSpec } from '../../world/attachments.ts'
import type { Image } from '../../world/images.ts'

interface VolumeType {
  maxGib: number
  /** Lowest, highest and default IOPS, where they can be chosen. */
  iops?: [min: number, max: number, usual: number | undefined]
  /** The same for throughput, in MiB/s. */
  throughput?: [min: number, max: number, usual: number]
}

/** Those that an instance can boot from. */
const volumeTypes: Record<string, VolumeType> = {
  gp2: { maxGib: 16_384 },
  gp3: { maxGib: 65_536, iops: [3000, 80_000, 3000], throughput: [125, 2000, 125] },
  io1: { maxGib: 16_384, iops: [100, 64_000, undefined] },
  io2: { maxGib: 65_536, iops: [100, 256_000, undefined] },
  standard: { maxGib: 1024 },
}

/** @throws {ApiError} `InvalidBlockDeviceMapping`, or `UnsupportedOperation` for a second volume */
export function readRootVolume(
  mappings: readonly BlockDeviceMapping[] = [],
  image: Image,
): VolumeSpec {
  const other = mappings.find(({ DeviceName }) => DeviceName !== image.rootDevice)
  if (other !== undefined) {
    throw new ApiError(
      'UnsupportedOperation',
      `A volume besides the root device ${image.rootDevice} is not implemented by this local endpoint: ${other.DeviceName}`,
    )
  }
  if (mappings.length > 1) {
    throw new ApiError(
      'InvalidBlockDeviceMapping',
      `The device '${image.rootDevice}' is used in more than one block-device mapping`,
    )
  }
  const ebs = mappings[0]?.Ebs ?? {}
  if (ebs.SnapshotId !== undefined && ebs.SnapshotId !== image.rootSnapshotId) {
    throw new ApiError(
      'InvalidSnapshot.NotFound',
      `The snapshot '${ebs.SnapshotId}' does not exist.`,
    )
  }
  const type = ebs.VolumeType ?? image.rootVolumeType
  const limits = volumeTypes[type]
  if (limits === undefined) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${type}) for parameter volumeType is invalid for a root device`,
    )
  }
  return {
    device: image.rootDevice,
    type,
    sizeGib: readSize(ebs.VolumeSize, limits, image),
    iops: readRange('iops', ebs.Iops, limits.iops, type),
    throughput: readRange('throughput', ebs.Throughput, limits.throughput, type),
    snapshotId: image.rootSnapshotId,
    encrypted: ebs.Encrypted ?? false,
    deleteOnTermination: ebs.DeleteOnTermination ?? true,
  }
}

function readSize(
  size: EbsBlockDevice['VolumeSize'],
  { maxGib }: VolumeType,
  image: Image,
): number {
  if (size === undefined) return image.rootSizeGib
  if (size < image.rootSizeGib) {
    throw new ApiError(
      'InvalidBlockDeviceMapping',
      `Volume of size ${size}GB is smaller than snapshot '${image.rootSnapshotId}', expect size >= ${image.rootSizeGib}GB`,
    )
  }
  if (!Number.isInteger(size) || size > maxGib) {
    throw new ApiError(
      'InvalidParameterValue',
      `Volume size ${size}GiB is not valid; at most ${maxGib}GiB`,
    )
  }
  return size
}

function readRange(
  parameter: string,
  value: number | undefined,
  range: [min: number, max: number, usual: number | undefined] | undefined,
  type: string,
): number | undefined {
  if (range === undefined) {
    if (value === undefined) return undefined
    throw new ApiError(
      'InvalidParameterCombination',
      `The parameter ${parameter} is not supported for ${type} volumes.`,
    )
  }
  const [min, max, usual] = range
  const chosen = value ?? usual
  if (chosen === undefined) {
    throw new ApiError(
      'MissingParameter',
      `The request must contain the parameter ${parameter} for ${type} volumes`,
    )
  }
  if (!Number.isInteger(chosen) || chosen < min || chosen > max) {
    throw new ApiError(
      'InvalidParameterValue',
      `Volume ${parameter} of ${chosen} is not valid; it must be between ${min} and ${max}`,
    )
  }
  return chosen
}
