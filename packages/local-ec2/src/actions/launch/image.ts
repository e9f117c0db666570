/** What runs on what: the image and the type of a launch, and whether they fit. */
import { ApiError } from '../../query/api-error.ts'
import { type Image, images } from '../../world/images.ts'
import { type Architecture, type InstanceType, instanceTypes } from '../../world/instance-types.ts'
import { requireOne } from '../../world/resource.ts'
import type { World } from '../../world/world.ts'

const architectures: Partial<Record<NodeJS.Architecture, Architecture>> = {
  x64: 'x86_64',
  arm64: 'arm64',
}

/** @throws {ApiError} `Unsupported` where a machine would have to boot on another architecture */
export function readType(name: string | undefined, { machines }: World): InstanceType {
  if (name === undefined) throw missing('InstanceType')
  const type = instanceTypes.get(name)
  if (type === undefined) {
    throw new ApiError('InvalidParameterValue', `Invalid value '${name}' for InstanceType.`)
  }
  const here = architectures[process.arch]
  if (machines.kind !== 'none' && type.architecture !== here) {
    throw new ApiError(
      'Unsupported',
      `The requested configuration is currently not supported: ${name} is ${type.architecture}, and local machines have the architecture of this computer, ${here ?? process.arch}.`,
    )
  }
  return type
}

export function readImage(id: string | undefined, type: InstanceType): Image {
  if (id === undefined) throw missing('ImageId')
  if (id.startsWith('resolve:ssm:')) {
    throw new ApiError(
      'UnsupportedOperation',
      'An ImageId of the form resolve:ssm:… is not implemented by this local endpoint.',
    )
  }
  const image = requireOne('image', images, id)
  if (image.architecture !== type.architecture) {
    throw new ApiError(
      'InvalidParameterValue',
      `The architecture '${type.architecture}' of the specified instance type does not match the architecture '${image.architecture}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.`,
    )
  }
  return image
}

function missing(parameter: string): ApiError {
  return new ApiError('MissingParameter', `The request must contain the parameter ${parameter}`)
}
