/** Security groups, their rules, and who keeps one from being deleted. */
import { ApiError } from '../query/api-error.ts'
import type { Vpc } from './network.ts'
import { isVisible, newId, requireAll, type Resource, type Stamp, type Tags } from './resource.ts'
import { foldCase, folded, referenced } from './tables.ts'
import type { World } from './world.ts'

export interface SecurityGroup extends Resource {
  readonly name: string
  readonly description: string
  readonly vpc: Vpc
}

/** Who may speak, or be spoken to. */
export type Peer = { kind: 'ipv4' | 'ipv6'; cidr: string } | { kind: 'group'; group: SecurityGroup }

/** What goes through, and no two rules of a group share. */
export interface Traffic {
  readonly egress: boolean
  /** `tcp`, `udp`, `icmp`, `icmpv6`, a protocol number, or `-1` for all. */
  readonly protocol: string
  /** First and last port, or ICMP type and code; both -1 where the protocol has none. */
  readonly fromPort: number
  readonly toPort: number
  readonly peer: Peer
}

export interface SecurityGroupRule extends Resource, Traffic {
  readonly group: SecurityGroup
  readonly description?: string
}

export type NewRule = Omit<SecurityGroupRule, 'id' | 'group' | keyof Stamp>

/** Quotas of a new account. */
const maxGroups = 2500
const maxRules = 60
const maxGroupsPerInterface = 5

/** @throws {ApiError} `InvalidGroup.Duplicate`, `SecurityGroupLimitExceeded` */
export function checkCreatable(world: World, { name, vpc }: { name: string; vpc: Vpc }): void {
  if (findGroup(world, name, vpc) !== undefined) {
    throw new ApiError(
      'InvalidGroup.Duplicate',
      `The security group '${name}' already exists for VPC '${vpc.id}'`,
    )
  }
  if (world.securityGroups.size >= maxGroups) {
    throw new ApiError(
      'SecurityGroupLimitExceeded',
      'The maximum number of security groups has been reached.',
    )
  }
}

/** Whatever the case of its name: two that differ only in that cannot be in one VPC. */
export function findGroup(
  { securityGroups }: World,
  name: string,
  vpc: Vpc,
): SecurityGroup | undefined {
  for (const group of securityGroups.filed(folded, foldCase(name))) {
    if (group.vpc === vpc) return group
  }
  return undefined
}

export function createGroup(
  world: World,
  { name, description, vpc, tags }: Pick<SecurityGroup, 'name' | 'description' | 'vpc' | 'tags'>,
): SecurityGroup {
  const id = newId('sg')
  const group = { ...world.stamp('security-group'), id, tags, name, description, vpc }
  world.securityGroups.set(id, group)
  addRules(world, group, [{ ...everything(), egress: true, peer: anywhere }])
  return group
}

export function createDefaultGroup(world: World, vpc: Vpc): void {
  const description = 'default VPC security group'
  const group = createGroup(world, { name: 'default', description, vpc, tags: new Map() })
  addRules(world, group, [{ ...everything(), egress: false, peer: { kind: 'group', group } }])
}

export function deleteGroup(world: World, group: SecurityGroup): void {
  world.securityGroups.delete(group.id)
  for (const { id } of rulesOf(world, group)) world.securityGroupRules.delete(id)
}

const anywhere: Peer = { kind: 'ipv4', cidr: '0.0.0.0/0' }

function everything(): Omit<NewRule, 'egress' | 'peer'> {
  const tags: Tags = new Map()
  return { protocol: '-1', fromPort: -1, toPort: -1, tags }
}

function rulesOf({ securityGroupRules }: World, { id }: SecurityGroup): SecurityGroupRule[] {
  return [...securityGroupRules.filed('group-id', id)]
}

/** Those that a caller sees. */
export function shownRulesOf(world: World, group: SecurityGroup): SecurityGroupRule[] {
  return rulesOf(world, group).filter(isVisible)
}

export function findRule(
  world: World,
  group: SecurityGroup,
  traffic: Traffic,
): SecurityGroupRule | undefined {
  const key = trafficKey(traffic)
  return rulesOf(world, group).find((rule) => trafficKey(rule) === key)
}

/**
 * Whether a group can have these beside those that it has.
 *
 * @param replaced ids of rules that will be gone by then
 * @throws {ApiError} `InvalidPermission.Duplicate`, `RulesPerSecurityGroupLimitExceeded`; `InvalidParameterValue`
 *   where two of them are the same
 */
export function checkRules(
  world: World,
  group: SecurityGroup,
  rules: readonly Traffic[],
  replaced: ReadonlySet<string> = new Set(),
): void {
  const others = rulesOf(world, group).filter(({ id }) => !replaced.has(id))
  const known = new Set(others.map(trafficKey))
  const duplicate = rules.find((rule) => known.has(trafficKey(rule)))
  if (duplicate !== undefined) {
    throw new ApiError(
      'InvalidPermission.Duplicate',
      `the specified rule "${inWords(duplicate)}" already exists`,
    )
  }
  if (new Set(rules.map(trafficKey)).size < rules.length) {
    throw new ApiError(
      'InvalidParameterValue',
      'The same permission must not appear multiple times',
    )
  }
  const all = [...others, ...rules]
  for (const egress of [true, false]) {
    // Either kind of address has a quota of its own; a group counts for both.
    for (const kind of ['ipv4', 'ipv6']) {
      const count = all.filter(
        (rule) => rule.egress === egress && (rule.peer.kind === kind || rule.peer.kind === 'group'),
      ).length
      if (count <= maxRules) continue
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
  return rules.map((rule) => {
    const id = newId('sgr')
    const added = { ...rule, ...world.stamp('security-group-rule'), id, group }
    world.securityGroupRules.set(id, added)
    return added
  })
}

/** It stays the same rule, with its id and its tags. */
export function replaceRule(
  world: World,
  { id, order, visibleFrom, group, tags }: SecurityGroupRule,
  rule: Omit<NewRule, 'tags'>,
): void {
  world.securityGroupRules.set(id, { ...rule, id, order, visibleFrom, group, tags })
}

/** @throws {ApiError} `CannotDelete` for a default group, `DependencyViolation` while one is in use */
export function checkDeletable(world: World, group: SecurityGroup): void {
  const { id, name } = group
  if (name === 'default') {
    throw new ApiError(
      'CannotDelete',
      `the specified group: "${id}" name: "default" cannot be deleted by a user`,
    )
  }
  // `InvalidGroup.InUse` was EC2-Classic's word for it.
  if (isWorn(world, group) || isReferred(world, group)) {
    throw new ApiError('DependencyViolation', `resource ${id} has a dependent object`)
  }
}

function isWorn({ networkInterfaces }: World, group: SecurityGroup): boolean {
  for (const { groups } of networkInterfaces.filed('group-id', group.id)) {
    if (groups.includes(group)) return true
  }
  return false
}

function isReferred({ securityGroupRules }: World, { id }: SecurityGroup): boolean {
  for (const { group } of securityGroupRules.filed(referenced, id)) if (group.id !== id) return true
  return false
}

function trafficKey({ egress, protocol, fromPort, toPort, peer }: Traffic): string {
  return [egress, protocol, fromPort, toPort, peer.kind, peerName(peer)].join(' ')
}

function inWords({ egress, protocol, fromPort, toPort, peer }: Traffic): string {
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
