/** Rules of security groups as they travel: several peers to one protocol and port range. */
import type { IpPermission } from '@aws-sdk/client-ec2'

import { ApiError } from '../query/api-error.ts'
import { canonicalIpv6Cidr, formatCidr, parseCidr } from '../world/cidr.ts'
import { requireOne } from '../world/resource.ts'
import type { NewRule, Peer, SecurityGroupRule } from '../world/security-group.ts'
import type { World } from '../world/world.ts'

type ReadRule = Omit<NewRule, 'egress' | 'tags'>

/** @throws {ApiError} for a protocol, port or peer that EC2 would not take */
export function readPermissions(permissions: readonly IpPermission[], world: World): ReadRule[] {
  const rules = permissions.flatMap((permission) => {
    const traffic = readTraffic(permission)
    return peersOf(permission, world).map((peer) => ({ ...traffic, ...peer }))
  })
  if (rules.length === 0) {
    throw new ApiError('MissingParameter', 'The request must contain the parameter ipPermissions')
  }
  return rules
}

export function showPermissions(
  rules: readonly SecurityGroupRule[],
  accountId: string,
): IpPermission[] {
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

const protocolNames: Record<string, string> = {
  '6': 'tcp',
  '17': 'udp',
  '1': 'icmp',
  '58': 'icmpv6',
}

function readTraffic(permission: IpPermission): Pick<ReadRule, 'protocol' | 'fromPort' | 'toPort'> {
  const given = permission.IpProtocol?.toLowerCase()
  if (given === undefined) {
    throw new ApiError('MissingParameter', 'The request must contain the parameter ipProtocol')
  }
  const protocol = protocolNames[given] ?? given
  const numeric = /^\d{1,3}$/.test(protocol) && Number(protocol) <= 255
  if (!['tcp', 'udp', 'icmp', 'icmpv6', '-1'].includes(protocol) && !numeric) {
    throw new ApiError(
      'InvalidParameterValue',
      `Invalid value '${given}' for IP protocol. Unknown protocol.`,
    )
  }
  // EC2 ignores ports where the protocol has none.
  if (protocol === '-1' || numeric) return { protocol, fromPort: -1, toPort: -1 }

  const { FromPort: fromPort, ToPort: toPort } = permission
  if (fromPort === undefined || toPort === undefined) {
    throw new ApiError(
      'InvalidParameterValue',
      `Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.`,
    )
  }
  if (protocol === 'tcp' || protocol === 'udp') checkPorts(fromPort, toPort)
  else checkIcmp(fromPort, toPort)
  return { protocol, fromPort, toPort }
}

function checkPorts(from: number, to: number): void {
  const outside = [from, to].find((port) => !Number.isInteger(port) || port < 0 || port > 65_535)
  if (outside !== undefined) {
    throw new ApiError('InvalidParameterValue', `TCP/UDP port (${outside}) out of range`)
  }
  if (from > to) {
    throw new ApiError('InvalidParameterValue', `Invalid TCP/UDP port range (${from}:${to})`)
  }
}

function checkIcmp(type: number, code: number): void {
  for (const value of [type, code]) {
    if (Number.isInteger(value) && value >= -1 && value <= 255) continue
    throw new ApiError('InvalidParameterValue', `ICMP type or code (${value}) out of range`)
  }
}

type DescribedPeer = Pick<ReadRule, 'peer' | 'description'>

function peersOf(permission: IpPermission, world: World): DescribedPeer[] {
  const { IpRanges = [], Ipv6Ranges = [], UserIdGroupPairs = [] } = permission
  return [
    ...IpRanges.map(({ CidrIp, Description }) => described(ipv4Peer(CidrIp ?? ''), Description)),
    ...Ipv6Ranges.map(({ CidrIpv6, Description }) =>
      described(ipv6Peer(CidrIpv6 ?? ''), Description),
    ),
    ...UserIdGroupPairs.map(({ GroupId, UserId = world.accountId, Description }) => {
      if (GroupId === undefined || UserId !== world.accountId) {
        throw new ApiError(
          'InvalidGroup.NotFound',
          `You have specified a group that does not exist`,
        )
      }
      const group = requireOne('security-group', world.securityGroups, GroupId)
      return described({ kind: 'group', group }, Description)
    }),
  ]
}

function described(peer: Peer, description: string | undefined): DescribedPeer {
  return description === undefined ? { peer } : { peer, description }
}

function ipv4Peer(text: string): Peer {
  const cidr = parseCidr(text)
  if (cidr === undefined) throw malformed(text)
  return { kind: 'ipv4', cidr: formatCidr(cidr) }
}

function ipv6Peer(text: string): Peer {
  const cidr = canonicalIpv6Cidr(text)
  if (cidr === undefined) throw malformed(text)
  return { kind: 'ipv6', cidr }
}

function malformed(cidr: string): ApiError {
  return new ApiError('InvalidParameterValue', `CIDR block ${cidr} is malformed`)
}
