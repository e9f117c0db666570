/** Security groups, their rules, and who keeps one from being deleted. */
import { ApiError } from '../query/api-error.ts'
import type { Vpc } from './network.ts'
import { newId, requireAll, type Resource, type Stamp, type Tags } from './resource.ts'
import type { World } from './world.ts'

export interface SecurityGroup extends Resource {
  readonly name: string
  readonly description: string
  readonly vpc: Vpc
  readonly rules: SecurityGroupRule[]
}

/** Who may speak, or be spoken to. */
export type Peer = { kind: 'ipv4' | 'ipv6'; cidr: string } | { kind: 'group'; group: SecurityGroup }

export interface SecurityGroupRule extends Resource {
  readonly egress: boolean
  /** `tcp`, `udp`, `icmp`, `icmpv6`, a protocol number, or `-1` for all. */
  readonly protocol: string
  /** First and last port, or ICMP type and code; both -1 where the protocol has none. */
  readonly fromPort: number
  readonly toPort: number
  readonly peer: Peer
  readonly description?: string
}

export type NewRule = Omit<SecurityGroupRule, 'id' | keyof Stamp>

const maxRules = 60
const maxGroupsPerInterface = 5

export function createGroup(
  world: World,
  { name, description, vpc, tags }: Pick<SecurityGroup, 'name' | 'description' | 'vpc' | 'tags'>,
): SecurityGroup {
  const group: SecurityGroup = {
    ...world.stamp(),
    id: newId('sg'),
    tags,
    name,
    description,
    vpc,
    rules: [],
  }
  world.securityGroups.set(group.id, group)
  addRules(world, group, [{ ...everything, egress: true, peer: anywhere }])
  return group
}

export function createDefaultGroup(world: World, vpc: Vpc): void {
  const description = 'default VPC security group'
  const group = createGroup(world, { name: 'default', description, vpc, tags: new Map() })
  addRules(world, group, [{ ...everything, egress: false, peer: { kind: 'group', group } }])
}

const anywhere: Peer = { kind: 'ipv4', cidr: '0.0.0.0/0' }
const everything = {
  protocol: '-1',
  fromPort: -1,
  toPort: -1,
  get tags(): Tags {
    return new Map()
  },
}

/** @throws {ApiError} `InvalidPermission.Duplicate`, `RulesPerSecurityGroupLimitExceeded` */
export function checkRules(group: SecurityGroup, rules: readonly NewRule[]): void {
  const known = new Set(group.rules.map(ruleKey))
  for (const rule of rules) {
    const key = ruleKey(rule)
    if (known.has(key)) {
      throw new ApiError(
        'InvalidPermission.Duplicate',
        `the specified rule "${inWords(rule)}" already exists`,
      )
    }
    known.add(key)
  }
  for (const egress of [true, false]) {
    const count = [...group.rules, ...rules].filter((rule) => rule.egress === egress).length
    if (count > maxRules) {
      throw new ApiError(
        'RulesPerSecurityGroupLimitExceeded',
        'The maximum number of rules per security group has been reached.',
      )
    }
  }
}

export function addRules(
  world: World,
  group: SecurityGroup,
  rules: readonly NewRule[],
): SecurityGroupRule[] {
  const added = rules.map((rule) => ({ ...rule, ...world.stamp(), id: newId('sgr') }))
  group.rules.push(...added)
  return added
}

/** @throws {ApiError} `CannotDelete` for a default group, `DependencyViolation` while one is in use */
export function checkDeletable(world: World, group: SecurityGroup): void {
  if (group.name === 'default') {
    throw new ApiError(
      'CannotDelete',
      `the specified group: "${group.id}" name: "default" cannot be deleted by a user`,
    )
  }
  const inUse = [...world.networkInterfaces.values()].some(({ groups }) => groups.includes(group))
  const referenced = [...world.securityGroups.values()].some(
    (other) => other !== group && other.rules.some(({ peer }) => refersTo(peer, group)),
  )
  if (inUse || referenced) {
    throw new ApiError('DependencyViolation', `resource ${group.id} has a dependent object`)
  }
}

function refersTo(peer: Peer, group: SecurityGroup): boolean {
  return peer.kind === 'group' && peer.group === group
}

function ruleKey({ egress, protocol, fromPort, toPort, peer }: NewRule): string {
  return [egress, protocol, fromPort, toPort, peer.kind, peerName(peer)].join(' ')
}

function inWords({ egress, protocol, fromPort, toPort, peer }: NewRule): string {
  const direction = egress ? ', EGRESS' : ''
  const what =
    protocol === '-1'
      ? 'ALL'
      : `${protocol.toUpperCase()}, from port: ${fromPort}, to port: ${toPort}`
  return `peer: ${peerName(peer)}, ${what}, ALLOW${direction}`
}

function peerName(peer: Peer): string {
  return peer.kind === 'group' ? peer.group.id : peer.cidr
}

/**
 * The security groups for one network interface.
 *
 * @throws {ApiError} `InvalidGroup.NotFound` also for a group of another VPC
 */
export function groupsForInterface(
  world: World,
  ids: readonly string[],
  vpc: Vpc,
): SecurityGroup[] {
  const groups = requireAll('security-group', world.securityGroups, ids)
  if (groups.length > maxGroupsPerInterface) {
    throw new ApiError(
      'SecurityGroupsPerInterfaceLimitExceeded',
      'The maximum number of security groups per interface has been reached.',
    )
  }
  const stranger = groups.find((group) => group.vpc !== vpc)
  if (stranger !== undefined) {
    throw new ApiError(
      'InvalidGroup.NotFound',
      `The security group '${stranger.id}' does not exist in VPC '${vpc.id}'`,
    )
  }
  return groups
}
