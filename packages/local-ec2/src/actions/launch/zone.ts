/** Zones that do not have what is asked for. */
import { ApiError } from '../../query/api-error.ts'
import { conditions } from '../../world/conditions.ts'
import type { InstanceType } from '../../world/instance-types.ts'
import { type Subnet, type Zone, zones } from '../../world/network.ts'
import { isOffered } from '../../world/offerings.ts'

/** @throws {ApiError} `Unsupported` for a type that is never there */
export function checkOffered(type: InstanceType, { zone }: Pick<Subnet, 'zone'>): void {
  if (isOffered(type, zone)) return
  const others = zones.filter((other) => isOffered(type, other))
  throw new ApiError(
    'Unsupported',
    `Your requested instance type (${type.name}) is not supported in your requested Availability Zone (${zone.name}). Please retry your request by not specifying an Availability Zone or choosing ${list(others)}.`,
  )
}

/** Whether machines of that type have run out. */
export function lacksCapacity(type: InstanceType, { zone }: Pick<Subnet, 'zone'>): boolean {
  return conditions().lacksCapacity(zone.name, type.name)
}

/** @throws {ApiError} `InsufficientInstanceCapacity`, which says where it can be had */
export function checkCapacity(type: InstanceType, { zone }: Pick<Subnet, 'zone'>): void {
  if (!lacksCapacity(type, { zone })) return
  const others = zones.filter(
    (other) => isOffered(type, other) && !lacksCapacity(type, { zone: other }),
  )
  const advice = ` You can currently get ${type.name} capacity by not specifying an Availability Zone in your request or choosing ${list(others)}.`
  throw new ApiError(
    'InsufficientInstanceCapacity',
    `We currently do not have sufficient ${type.name} capacity in the Availability Zone you requested (${zone.name}). Our system will be working on provisioning additional capacity.${others.length === 0 ? '' : advice}`,
  )
}

function list(some: readonly Zone[]): string {
  return some.map(({ name }) => name).join(', ')
}
