/** What runs on what: the image and the type of a launch, and whether they fit. */
import { ApiError } from '../../query/api-error.ts'
import { parameterArn, resolveAlias } from '../../world/aliases.ts'
import { type Image, images } from '../../world/images.ts'
import { type Architecture, type InstanceType, instanceTypes } from '../../world/instance-types.ts'
import { requireOne } from '../../world/resource.ts'
import type { World } from '../../world/world.ts'
import type { Demand } from '../action.ts'

/** What it takes to launch from `resolve:ssm:…`: EC2 reads that parameter as the caller. */
export function aliasDemands(id: string = ''): Demand[] {
  if (!id.startsWith(aliasPrefix)) return []
  const resource = parameterArn(id.slice(aliasPrefix.length))
  return [{ action: 'ssm:GetParameters', resource, context: {} }]
}

const aliasPrefix = 'resolve:ssm:'

const architectures: Partial<Record<NodeJS.Architecture, Architecture>> = {
  x64: 'x86_64',
  arm64: 'arm64',
}

/** @throws {ApiError} `Unsupported` where a machine would have to boot on another architecture */
export function readType(name: string | undefined, world: World): InstanceType {
  if (name === undefined) throw missing('InstanceType')
  const type = instanceTypes.get(name)
  if (type === undefined) {
    throw new ApiError('InvalidParameterValue', `Invalid value '${name}' for InstanceType.`)
  }
  checkBootable(type, world)
  return type
}

/** @throws {ApiError} `Unsupported` */
export function checkBootable({ name, architecture }: InstanceType, { machines }: World): void {
  const here = architectures[process.arch]
  if (machines.kind === 'none' || architecture === here) return
  throw new ApiError(
    'Unsupported',
    `The requested configuration is currently not supported: ${name} is ${architecture}, and local machines have the architecture of this computer, ${here ?? process.arch}.`,
  )
}

/** @throws {ApiError} `Unsupported` where machines boot images and have none such */
export function checkSystem({ name, system }: Image, { machines }: World): void {
  const { kind, systems } = machines
  if (systems === undefined || (system !== undefined && systems.includes(system))) return
  throw new ApiError(
    'Unsupported',
    `The requested configuration is currently not supported: machines of kind '${kind}' boot ${systems.join(' and ')}, not ${name}.`,
  )
}

/** @param id of an image, or `resolve:ssm:` and the name of a public parameter that holds one */
export function readImage(id: string | undefined): Image {
  if (id === undefined) throw missing('ImageId')
  return requireOne(
    'image',
    images,
    id.startsWith(aliasPrefix) ? resolveAlias(id.slice(aliasPrefix.length)) : id,
  )
}

export function checkArchitecture(type: InstanceType, image: Image): void {
  if (image.architecture === type.architecture) return
  throw new ApiError(
    'InvalidParameterValue',
    `The architecture '${type.architecture}' of the specified instance type does not match the architecture '${image.architecture}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.`,
  )
}

function missing(parameter: string): ApiError {
  return new ApiError('MissingParameter', `The request must contain the parameter ${parameter}`)
}
