/** Rules of security groups as they travel: several peers to one protocol and port range. */
import type { IpPermission, UserIdGroupPair } from '@aws-sdk/client-ec2'

import { ApiError } from '../../query/api-error.ts'
import { canonicalIpv6Cidr, formatCidr, parseCidr } from '../../world/cidr.ts'
import { requireOne } from '../../world/resource.ts'
import type { NewRule, Peer, SecurityGroup } from '../../world/security-group.ts'
import type { World } from '../../world/world.ts'
import { invalidValue, missingParameter } from '../common/refusals.ts'
import { requireGroupName } from './find.ts'

export type ReadRule = Omit<NewRule, 'egress' | 'tags'>

/** What is modelled of an `IpPermission`; prefix lists are read to be refused. */
export const permissionShape = {
  IpProtocol: true,
  FromPort: true,
  ToPort: true,
  IpRanges: true,
  Ipv6Ranges: true,
  PrefixListIds: true,
  UserIdGroupPairs: { GroupId: true, GroupName: true, UserId: true, Description: true },
} as const

/**
 * @param vpc of the group whose rules they are: a group that is named lies in it
 * @throws {ApiError} for a protocol, port or peer that EC2 would not take
 */
export function readPermissions(
  permissions: readonly IpPermission[],
  vpc: SecurityGroup['vpc'],
  world: World,
): ReadRule[] {
  const rules = permissions.flatMap((permission) => {
    const traffic = readTraffic(permission)
    return peersOf(permission, vpc, world).map((peer) => ({ ...traffic, ...peer }))
  })
  if (rules.length === 0) {
    throw missingParameter('ipPermissions')
  }
  return rules
}

export function showPermissions(rules: readonly ReadRule[], accountId: string): IpPermission[] {
  const byTraffic = Map.groupBy(rules, ({ protocol, fromPort, toPort }) =>
    [protocol, fromPort, toPort].join(' '),
  )
  return [...byTraffic.values()].map((group) => {
    const { protocol, fromPort, toPort } = group[0] ?? { protocol: '-1', fromPort: -1, toPort: -1 }
    return {
      IpProtocol: protocol,
      // "All traffic" has no ports at all.
      ...(protocol !== '-1' && { FromPort: fromPort, ToPort: toPort }),
      IpRanges: group.flatMap(({ peer, description: Description }) =>
        peer.kind === 'ipv4' ? [{ CidrIp: peer.cidr, Description }] : [],
      ),
      Ipv6Ranges: group.flatMap(({ peer, description: Description }) =>
        peer.kind === 'ipv6' ? [{ CidrIpv6: peer.cidr, Description }] : [],
      ),
      UserIdGroupPairs: group.flatMap(({ peer, description: Description }) =>
        peer.kind === 'group' ? [{ GroupId: peer.group.id, UserId: accountId, Description }] : [],
      ),
      PrefixListIds: [],
    }
  })
}

const protocolNames: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmpv6',
}
const withPorts = Object.values(protocolNames)

type Ports = Pick<ReadRule, 'protocol' | 'fromPort' | 'toPort'>

export function readTraffic({ IpProtocol, FromPort, ToPort }: IpPermission): Ports {
  if (IpProtocol === undefined) {
    throw missingParameter('ipProtocol')
  }
  const protocol = readProtocol(IpProtocol.toLowerCase())
  // EC2 ignores ports where the protocol has none.
  if (!withPorts.includes(protocol)) return { protocol, fromPort: -1, toPort: -1 }

  const usual = protocol === 'icmpv6' ? -1 : undefined
  const [fromPort, toPort] = [FromPort ?? usual, ToPort ?? usual]
  if (fromPort === undefined || toPort === undefined) {
    throw invalidValue(
      `Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.`,
    )
  }
  if (protocol === 'tcp' || protocol === 'udp') checkPorts(fromPort, toPort)
  else checkIcmp(fromPort, toPort)
  return { protocol, fromPort, toPort }
}

function readProtocol(text: string): string {
  if (text === '-1' || withPorts.includes(text)) return text
  const number = /^\d{1,3}$/.test(text) ? Number(text) : Infinity
  if (number <= 255) return protocolNames[number] ?? String(number)
  throw invalidValue(`Invalid value '${text}' for IP protocol. Unknown protocol.`)
}

function checkPorts(from: number, to: number): void {
  const outside = [from, to].find((port) => !Number.isInteger(port) || port < 0 || port > 65_535)
  if (outside !== undefined) throw invalidValue(`TCP/UDP port (${outside}) out of range`)
  if (from > to) throw invalidValue(`Invalid TCP/UDP port range (${from}:${to})`)
}

function checkIcmp(type: number, code: number): void {
  for (const value of [type, code]) {
    if (Number.isInteger(value) && value >= -1 && value <= 255) continue
    throw invalidValue(`ICMP type or code (${value}) out of range`)
  }
  if (type === -1 && code !== -1) {
    throw invalidValue(`ICMP code (${code}) must be -1 where the type is -1, which means all types`)
  }
}

type DescribedPeer = Pick<ReadRule, 'peer' | 'description'>

function peersOf(
  { IpRanges = [], Ipv6Ranges = [], UserIdGroupPairs = [], PrefixListIds = [] }: IpPermission,
  vpc: SecurityGroup['vpc'],
  world: World,
): DescribedPeer[] {
  const [prefixList] = PrefixListIds
  if (prefixList !== undefined) throw noPrefixList(prefixList.PrefixListId)
  return [
    ...IpRanges.map(({ CidrIp, Description }) => described(ipv4Peer(CidrIp), Description)),
    ...Ipv6Ranges.map(({ CidrIpv6, Description }) => described(ipv6Peer(CidrIpv6), Description)),
    ...UserIdGroupPairs.map((pair) => described(groupPeer(pair, vpc, world), pair.Description)),
  ]
}

export function noRule(): ApiError {
  return new ApiError(
    'InvalidPermission.NotFound',
    'The specified rule does not exist in this security group',
  )
}

/** There is none in this account. */
export function noPrefixList(id = ''): ApiError {
  return new ApiError('InvalidPrefixListId.NotFound', `The prefix list ID '${id}' does not exist`)
}

function described(peer: Peer, description: string | undefined): DescribedPeer {
  return description === undefined ? { peer } : { peer, description: readDescription(description) }
}

/** @throws {ApiError} `InvalidParameterValue` */
export function readDescription(text: string): string {
  if (/^[\w .\-:/()#,@[\]+=&;{}!$*]{0,255}$/.test(text)) return text
  throw invalidValue(
    'Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*',
  )
}

export function ipv4Peer(text = ''): Peer {
  const cidr = parseCidr(text)
  if (cidr === undefined) throw malformed(text)
  return { kind: 'ipv4', cidr: formatCidr(cidr) }
}

export function ipv6Peer(text = ''): Peer {
  const cidr = canonicalIpv6Cidr(text)
  if (cidr === undefined) throw malformed(text)
  return { kind: 'ipv6', cidr }
}

export function groupPeer(
  { GroupId: id, GroupName: name, UserId = '' }: UserIdGroupPair,
  vpc: SecurityGroup['vpc'],
  world: World,
): Peer {
  if (UserId !== '' && UserId !== world.accountId) throw noGroup(id ?? name ?? '')
  if (id === undefined) {
    if (name === undefined) {
      throw missingParameter('groupName or groupId')
    }
    return { kind: 'group', group: requireGroupName(world, name) }
  }
  const group = requireOne('security-group', world.securityGroups, id)
  if (group.vpc !== vpc || (name !== undefined && name !== group.name)) throw noGroup(id)
  return { kind: 'group', group }
}

function noGroup(id: string): ApiError {
  return new ApiError('InvalidGroup.NotFound', `The security group '${id}' does not exist`)
}

function malformed(cidr: string): ApiError {
  return invalidValue(`CIDR block ${cidr} is malformed`)
}
