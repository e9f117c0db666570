/** Where an instance is launched: zone, subnet, groups, addresses. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { ApiError } from '../../query/api-error.ts'
import type { InstanceType } from '../../world/instance-types.ts'
import type { LaunchSpec } from '../../world/instance.ts'
import { type Subnet, type Vpc, zones } from '../../world/network.ts'
import { isOffered } from '../../world/offerings.ts'
import { requireOne } from '../../world/resource.ts'
import { findGroup, groupsForInterface, type SecurityGroup } from '../../world/security-group.ts'
import type { World } from '../../world/world.ts'
import { freeAddresses } from '../network.ts'
import { readAddress } from './address.ts'
import { checkOffered, lacksCapacity } from './zone.ts'

type NetworkSpec = Pick<
  LaunchSpec,
  'subnet' | 'groups' | 'publicAddress' | 'privateIp' | 'interfaceDescription'
>

/** @param count how many instances of `type` need an address at least */
export function readNetwork(
  input: ec2.RunInstancesCommandInput,
  { type, count }: { type: InstanceType; count: number },
  world: World,
): NetworkSpec {
  const { NetworkInterfaces: interfaces = [], Placement: placement } = input
  const [only, second] = interfaces
  if (only !== undefined && usesInstanceLevel(input)) {
    throw new ApiError(
      'InvalidParameterCombination',
      'Network interfaces and an instance-level subnet ID or security groups may not be specified on the same request',
    )
  }
  if (second !== undefined) {
    throw new ApiError(
      'UnsupportedOperation',
      'More than one network interface is not implemented by this local endpoint.',
    )
  }
  const { SubnetId = input.SubnetId, Groups } = only ?? {}
  checkInterface(only)
  const subnet = chooseSubnet(SubnetId, placement, { type, count }, world)
  const names = input.SecurityGroups ?? []
  if (names.length > 0 && SubnetId !== undefined) {
    throw new ApiError(
      'InvalidParameterCombination',
      'The parameter groupName cannot be used with the parameter subnet',
    )
  }
  const ids = [...(Groups ?? input.SecurityGroupIds ?? []), ...idsOf(names, world)]
  return {
    subnet,
    groups: readGroups(ids, subnet.vpc, world),
    publicAddress: only?.AssociatePublicIpAddress ?? true,
    privateIp: readAddress(input, subnet, world),
    interfaceDescription: only?.Description ?? '',
  }
}

function usesInstanceLevel(input: ec2.RunInstancesCommandInput): boolean {
  const { SubnetId, PrivateIpAddress, SecurityGroupIds, SecurityGroups } = input
  return [SubnetId, PrivateIpAddress, SecurityGroupIds, SecurityGroups].some(
    (parameter) => parameter !== undefined,
  )
}

function checkInterface(only: ec2.InstanceNetworkInterfaceSpecification | undefined): void {
  if (only === undefined) return
  if (only.DeviceIndex !== 0) {
    throw new ApiError(
      'InvalidParameterValue',
      'Each network interface requires a device index, and the primary one must be 0.',
    )
  }
  if (only.DeleteOnTermination === false) {
    throw new ApiError(
      'UnsupportedOperation',
      'A network interface that is kept when its instance is terminated is not implemented by this local endpoint.',
    )
  }
  const { NetworkCardIndex: card = 0, InterfaceType: kind = 'interface' } = only
  if (card !== 0 || kind !== 'interface') {
    throw new ApiError(
      'UnsupportedOperation',
      'A network interface that is not an ENA interface on the first card is not implemented by this local endpoint.',
    )
  }
}

function chooseSubnet(
  id: string | undefined,
  { AvailabilityZone: name, AvailabilityZoneId: zoneId }: ec2.Placement = {},
  { type, count }: { type: InstanceType; count: number },
  world: World,
): Subnet {
  if (name !== undefined && zoneId !== undefined) {
    throw new ApiError(
      'InvalidParameterCombination',
      'You can specify AvailabilityZone or AvailabilityZoneId, but not both.',
    )
  }
  for (const [wanted, known] of [
    [name, zones.map((zone) => zone.name)],
    [zoneId, zones.map((zone) => zone.id)],
  ] as const) {
    if (wanted !== undefined && !known.includes(wanted)) {
      throw new ApiError('InvalidParameterValue', `Invalid availability zone: [${wanted}]`)
    }
  }
  const fits = ({ zone }: Subnet): boolean =>
    (name === undefined || zone.name === name) && (zoneId === undefined || zone.id === zoneId)
  if (id !== undefined) {
    const subnet = requireOne('subnet', world.subnets, id)
    if (!fits(subnet)) {
      throw new ApiError(
        'InvalidParameterValue',
        `The availability zone '${name ?? zoneId}' does not match the zone '${subnet.zone.name}' of subnet '${id}'`,
      )
    }
    checkOffered(type, subnet)
    return subnet
  }
  const candidates = [...world.subnets.values()].filter(fits)
  const [first] = candidates
  if (first === undefined) {
    throw new ApiError('MissingInput', `No default subnet found for availability zone: '${name}'`)
  }
  if (name === undefined && zoneId === undefined) {
    return bestOf(candidates, { type, count }, world) ?? first
  }
  checkOffered(type, first)
  return first
}

/** EC2 chooses: a zone that has the type, and has room for all of them if there is one. */
function bestOf(
  candidates: readonly Subnet[],
  { type, count }: { type: InstanceType; count: number },
  world: World,
): Subnet | undefined {
  const offered = candidates.filter(({ zone }) => isOffered(type, zone))
  const ready = offered.filter((subnet) => !lacksCapacity(type, subnet))
  // Where none is ready, the launch finds that out.
  return ready.find((subnet) => freeAddresses(subnet, world) >= count) ?? ready[0] ?? offered[0]
}

function idsOf(names: readonly string[], world: World): string[] {
  return names.map((name) => {
    const group = findGroup(world, name, world.defaultVpc)
    if (group !== undefined) return group.id
    throw new ApiError(
      'InvalidGroup.NotFound',
      `The security group '${name}' does not exist in default VPC '${world.defaultVpc.id}'`,
    )
  })
}

function readGroups(ids: readonly string[], vpc: Vpc, world: World): SecurityGroup[] {
  if (ids.length > 0) return groupsForInterface(world, ids, vpc)
  const group = findGroup(world, 'default', vpc)
  return group === undefined ? [] : [group]
}
