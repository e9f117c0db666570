/** Where an instance is launched: zone, subnet, groups, address. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { ApiError } from '../../query/api-error.ts'
import type { LaunchSpec } from '../../world/instance.ts'
import { type Subnet, type Vpc, zones } from '../../world/network.ts'
import { requireOne } from '../../world/resource.ts'
import { groupsForInterface, type SecurityGroup } from '../../world/security-group.ts'
import type { World } from '../../world/world.ts'

type NetworkSpec = Pick<
  LaunchSpec,
  'subnet' | 'groups' | 'publicAddress' | 'interfaceDescription' | 'deleteInterface'
>

export function readNetwork(input: ec2.RunInstancesCommandInput, world: World): NetworkSpec {
  const { NetworkInterfaces: interfaces, SubnetId, SecurityGroupIds, Placement } = input
  const zone = Placement?.AvailabilityZone
  if (interfaces === undefined || interfaces.length === 0) {
    const subnet = readSubnet(SubnetId, zone, world)
    return {
      subnet,
      groups: readGroups(SecurityGroupIds, subnet.vpc, world),
      publicAddress: true,
      interfaceDescription: '',
      deleteInterface: true,
    }
  }
  if (SubnetId !== undefined || SecurityGroupIds !== undefined) {
    throw new ApiError(
      'InvalidParameterCombination',
      'Network interfaces and an instance-level subnet ID or security groups may not be specified on the same request',
    )
  }
  const [first, ...others] = interfaces
  if (first === undefined || others.length > 0) {
    throw new ApiError(
      'UnsupportedOperation',
      'More than one network interface is not implemented by this local endpoint.',
    )
  }
  if (first.DeviceIndex !== 0) {
    throw new ApiError(
      'InvalidParameterValue',
      'Each network interface requires a device index, and the primary one must be 0.',
    )
  }
  const subnet = readSubnet(first.SubnetId, zone, world)
  return {
    subnet,
    groups: readGroups(first.Groups, subnet.vpc, world),
    publicAddress: first.AssociatePublicIpAddress ?? true,
    interfaceDescription: first.Description ?? '',
    deleteInterface: first.DeleteOnTermination ?? true,
  }
}

function readSubnet(id: string | undefined, zone: string | undefined, world: World): Subnet {
  if (zone !== undefined && !zones.some(({ name }) => name === zone)) {
    throw new ApiError('InvalidParameterValue', `Invalid availability zone: [${zone}]`)
  }
  if (id !== undefined) {
    const subnet = requireOne('subnet', world.subnets, id)
    if (zone !== undefined && subnet.zone.name !== zone) {
      throw new ApiError(
        'InvalidParameterValue',
        `The availability zone '${zone}' does not match the zone '${subnet.zone.name}' of subnet '${id}'`,
      )
    }
    return subnet
  }
  const subnet = [...world.subnets.values()].find(
    (candidate) => zone === undefined || candidate.zone.name === zone,
  )
  if (subnet === undefined) {
    throw new ApiError('MissingInput', `No default subnet found for availability zone: '${zone}'`)
  }
  return subnet
}

function readGroups(ids: string[] | undefined, vpc: Vpc, world: World): SecurityGroup[] {
  if (ids !== undefined && ids.length > 0) return groupsForInterface(world, ids, vpc)
  return [...world.securityGroups.values()].filter(
    (group) => group.name === 'default' && group.vpc === vpc,
  )
}
