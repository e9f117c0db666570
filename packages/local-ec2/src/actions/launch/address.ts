/** A private address that a launch asks for by name. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { ApiError } from '../../query/api-error.ts'
import { parseCidr } from '../../world/cidr.ts'
import type { Subnet } from '../../world/network.ts'
import { addressInUse } from '../../world/reservation.ts'
import type { World } from '../../world/world.ts'

/** @returns `undefined` if any will do */
export function readAddress(
  { PrivateIpAddress, NetworkInterfaces, MaxCount = 1 }: ec2.RunInstancesCommandInput,
  subnet: Subnet,
  { networkInterfaces }: World,
): string | undefined {
  const address = PrivateIpAddress ?? ofInterface(NetworkInterfaces?.[0])
  if (address === undefined) return undefined
  if (MaxCount > 1) {
    throw new ApiError(
      'InvalidParameterCombination',
      'A private IP address may not be specified when launching more than one instance',
    )
  }
  checkRange(address, subnet)
  for (const { privateIp } of networkInterfaces.filed('private-ip-address', address)) {
    if (privateIp === address) throw addressInUse(address)
  }
  return address
}

function ofInterface(
  specification: ec2.InstanceNetworkInterfaceSpecification = {},
): string | undefined {
  const { PrivateIpAddress, PrivateIpAddresses = [] } = specification
  const [first, second] = PrivateIpAddresses
  if (second !== undefined || first?.Primary === false) {
    throw new ApiError(
      'UnsupportedOperation',
      'A secondary private address is not implemented by this local endpoint.',
    )
  }
  return PrivateIpAddress ?? first?.PrivateIpAddress
}

function checkRange(address: string, { cidr: { base, prefixLength } }: Subnet): void {
  const value = parseCidr(`${address}/32`)?.base
  if (value === undefined) {
    throw invalid(`invalid value for parameter address: ${address}`)
  }
  const offset = value - base
  const size = 2 ** (32 - prefixLength)
  if (offset < 0 || offset >= size) {
    throw invalid(`Address ${address} does not fall within the subnet's address range`)
  }
  if (offset < 4 || offset === size - 1) {
    throw invalid(`Address ${address} is in subnet's reserved address range`)
  }
}

function invalid(message: string): ApiError {
  return new ApiError('InvalidParameterValue', message)
}
