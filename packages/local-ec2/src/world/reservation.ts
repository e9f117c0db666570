/** The instances of one RunInstances, and what makes a repeated call the same call. */
import { LocalEc2Error } from '../errors.ts'
import { ApiError } from '../query/api-error.ts'
import type { Instance, LaunchSpec } from './instance.ts'
import { launch, unlaunch } from './launch.ts'
import { newId } from './resource.ts'
import type { World } from './world.ts'

export interface Reservation {
  readonly id: string
  readonly instanceIds: readonly string[]
  /** The parameters it was made from, in forms that can be compared: each of them stands for all. */
  readonly fingerprints: readonly string[]
  /** What they came to; no longer kept when its instances are forgotten. */
  spec: LaunchSpec | undefined
}

/**
 * Whether a call with the same token may have what an earlier one made.
 *
 * @throws {ApiError} `IdempotentParameterMismatch`, `IdempotentInstanceTerminated`
 */
export function checkRepeat(
  world: World,
  reservation: Reservation,
  { clientToken, fingerprints }: { clientToken: string; fingerprints: readonly string[] },
): void {
  if (!reservation.fingerprints.some((fingerprint) => fingerprints.includes(fingerprint))) {
    throw new ApiError(
      'IdempotentParameterMismatch',
      `Arguments on this idempotent request are inconsistent with arguments used in previous request(s) with client token '${clientToken}'.`,
    )
  }
  if (membersOf(world, reservation).every(({ state }) => state === 'terminated')) {
    throw new ApiError(
      'IdempotentInstanceTerminated',
      `The instance launched with client token '${clientToken}' has been terminated.`,
    )
  }
}

/** Those that are not forgotten. */
export function membersOf({ instances }: World, { instanceIds }: Reservation): Instance[] {
  return instanceIds.flatMap((id) => instances.get(id) ?? [])
}

/** All of them or none. */
export function reserve(
  world: World,
  spec: LaunchSpec,
  { count, fingerprints }: { count: number; fingerprints: readonly string[] },
): Reservation {
  const id = newId('r')
  const instances: Instance[] = []
  try {
    for (let launchIndex = 0; launchIndex < count; launchIndex++) {
      instances.push(launch(world, spec, { reservationId: id, launchIndex }))
    }
  } catch (error) {
    for (const instance of instances) unlaunch(world, instance)
    throw refusal(error, spec)
  }
  const reservation = { id, instanceIds: instances.map((one) => one.id), fingerprints, spec }
  if (spec.clientToken !== '') world.reservations.set(spec.clientToken, reservation)
  return reservation
}

/** What EC2 would say where no machine can be had. */
function refusal(error: unknown, { subnet, privateIp }: LaunchSpec): unknown {
  if (!(error instanceof LocalEc2Error)) return error
  if (error.code !== 'NO_FREE_ADDRESS') return noMachine(error)
  return privateIp === undefined ? noFreeAddress(subnet.id) : addressInUse(privateIp)
}

/** For a machine that cannot be powered on although there is room for it. */
export function noMachine({ message }: Error): ApiError {
  return new ApiError('InsufficientInstanceCapacity', `No machine can be booted: ${message}`)
}

export function noFreeAddress(subnetId: string): ApiError {
  return new ApiError(
    'InsufficientFreeAddressesInSubnet',
    `There are not enough free addresses in subnet '${subnetId}' to satisfy the requested number of instances.`,
  )
}

export function addressInUse(address: string): ApiError {
  return new ApiError('InvalidIPAddress.InUse', `Address ${address} is in use.`)
}
