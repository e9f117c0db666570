/** What a launch may ask for and gets only in its usual form. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { ApiError } from '../../query/api-error.ts'
import type { LaunchSpec } from '../../world/instance.ts'
import { findKeyPair, type KeyPair } from '../../world/key-pair.ts'
import type { World } from '../../world/world.ts'
import { choice } from '../common/choice.ts'

/** @throws {ApiError} `UnsupportedOperation`, or EC2's own error where EC2 would not have it either */
export function checkPlain(input: ec2.RunInstancesCommandInput): void {
  const { Placement, HibernationOptions, EnclaveOptions } = input
  const tenancy = choice('tenancy', Placement?.Tenancy, ['default', 'dedicated', 'host'])
  if (tenancy !== undefined && tenancy !== 'default') throw unsupported(`Tenancy '${tenancy}'`)
  if (HibernationOptions?.Configured) throw unsupported('Hibernation')
  if (EnclaveOptions?.Enabled) throw unsupported('A Nitro Enclave')
  // No group can be made here, so that none is known.
  const group = Placement?.GroupName ?? ''
  if (group !== '') {
    throw new ApiError(
      'InvalidPlacementGroup.Unknown',
      `The Placement Group '${group}' is unknown.`,
    )
  }
}

export function readReservationPreference(
  specification: ec2.CapacityReservationSpecification | undefined,
): LaunchSpec['capacityReservation'] {
  const preference = choice(
    'CapacityReservationPreference',
    specification?.CapacityReservationPreference,
    ['open', 'none', 'capacity-reservations-only'],
  )
  if (preference === 'capacity-reservations-only') throw unsupported('A Capacity Reservation')
  return preference ?? 'open'
}

export function readKeyPair(name: string | undefined, world: World): KeyPair | undefined {
  if (name === undefined) return undefined
  const pair = findKeyPair(world, name)
  if (pair !== undefined) return pair
  throw new ApiError('InvalidKeyPair.NotFound', `The key pair '${name}' does not exist`)
}

export function readNames(options: ec2.PrivateDnsNameOptionsRequest = {}): LaunchSpec['names'] {
  return {
    hostnameType:
      choice('HostnameType', options.HostnameType, ['ip-name', 'resource-name']) ?? 'ip-name',
    aRecord: options.EnableResourceNameDnsARecord ?? false,
    aaaaRecord: options.EnableResourceNameDnsAAAARecord ?? false,
  }
}

function unsupported(what: string): ApiError {
  return new ApiError('UnsupportedOperation', `${what} is not implemented by this local endpoint.`)
}
