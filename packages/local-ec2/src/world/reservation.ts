/** The instances of one RunInstances, and what makes a repeated call the same call. */
import { LocalEc2Error } from '../errors.ts'
import { ApiError } from '../query/api-error.ts'
import { type Instance, launch, type LaunchSpec, terminate } from './instance.ts'
import { newId } from './resource.ts'
import type { World } from './world.ts'

export interface Reservation {
  readonly id: string
  readonly instances: readonly Instance[]
  /** The parameters it was made from, in a form that can be compared. */
  readonly fingerprint: string
}

/**
 * What an earlier call with this token made; `undefined` if there was none.
 *
 * @throws {ApiError} `IdempotentParameterMismatch`, `IdempotentInstanceTerminated`
 */
export function findReservation(
  world: World,
  clientToken: string,
  fingerprint: string,
): Reservation | undefined {
  const reservation = world.reservations.get(clientToken)
  if (reservation === undefined) return undefined
  if (reservation.fingerprint !== fingerprint) {
    throw new ApiError(
      'IdempotentParameterMismatch',
      `Arguments on this idempotent request are inconsistent with arguments used in previous request(s) with client token '${clientToken}'.`,
    )
  }
  if (reservation.instances.every(({ state }) => state === 'terminated')) {
    throw new ApiError(
      'IdempotentInstanceTerminated',
      `The instance launched with client token '${clientToken}' has been terminated.`,
    )
  }
  return reservation
}

/** All of them or none. */
export function reserve(
  world: World,
  spec: LaunchSpec,
  { count, fingerprint }: { count: number; fingerprint: string },
): Reservation {
  const id = newId('r')
  const instances: Instance[] = []
  try {
    for (let launchIndex = 0; launchIndex < count; launchIndex++) {
      instances.push(launch(world, spec, { reservationId: id, launchIndex }))
    }
  } catch (error) {
    for (const instance of instances) terminate(world, instance)
    throw refusal(error, spec)
  }
  const reservation = { id, instances, fingerprint }
  if (spec.clientToken !== '') world.reservations.set(spec.clientToken, reservation)
  return reservation
}

/** What EC2 would say where no machine can be had. */
function refusal(error: unknown, { subnet }: LaunchSpec): unknown {
  if (!(error instanceof LocalEc2Error)) return error
  if (error.code === 'NO_FREE_ADDRESS') return noFreeAddress(subnet.id)
  return new ApiError('InsufficientInstanceCapacity', `No machine can be booted: ${error.message}`)
}

export function noFreeAddress(subnetId: string): ApiError {
  return new ApiError(
    'InsufficientFreeAddressesInSubnet',
    `There are not enough free addresses in subnet '${subnetId}' to satisfy the requested number of instances.`,
  )
}
