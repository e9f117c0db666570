/** Rules that become others: ModifySecurityGroupRules, and new descriptions. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { ApiError } from '../../query/api-error.ts'
import {
  checkRules,
  findRule,
  type Peer,
  replaceRule,
  type SecurityGroup,
  type SecurityGroupRule,
} from '../../world/security-group.ts'
import type { World } from '../../world/world.ts'
import type { Plan } from '../action.ts'
import { existing } from '../common/demands.ts'
import { exclusive, invalidValue } from '../common/refusals.ts'
import { demandOn, requireGroup, requireRule } from './find.ts'
import {
  groupPeer,
  ipv4Peer,
  ipv6Peer,
  noPrefixList,
  noRule,
  readDescription,
  readPermissions,
  type ReadRule,
  readTraffic,
} from './permissions.ts'

/** Plans a ModifySecurityGroupRules. */
export function modifyRules(
  { GroupId, SecurityGroupRules: updates = [] }: ec2.ModifySecurityGroupRulesRequest,
  world: World,
): Plan<ec2.ModifySecurityGroupRulesResult> {
  const group = requireGroup(world, { GroupId })
  const changes = new Map<SecurityGroupRule, ReadRule & { egress: boolean }>()
  for (const { SecurityGroupRuleId: id = '', SecurityGroupRule: request = {} } of updates) {
    const rule = requireRule(world, group, id)
    if (changes.has(rule)) {
      throw invalidValue('The same security group rule must not appear multiple times')
    }
    const read = readUpdate(request, group, world)
    checkPeer(rule.peer, read.peer)
    changes.set(rule, { ...read, egress: rule.egress })
  }
  const rules = [...changes.keys()]
  return {
    demands: [
      demandOn(group, world),
      ...rules.map((rule) => existing('security-group-rule', rule)),
    ],
    check() {
      checkRules(world, group, [...changes.values()], new Set(rules.map(({ id }) => id)))
    },
    commit() {
      for (const [rule, change] of changes) replaceRule(world, rule, change)
      return { Return: true }
    },
  }
}

/** Plans an `UpdateSecurityGroupRuleDescriptions…`. */
export function updateDescriptions(
  input: ec2.UpdateSecurityGroupRuleDescriptionsIngressRequest,
  world: World,
  egress: boolean,
): Plan<ec2.UpdateSecurityGroupRuleDescriptionsIngressResult> {
  const { IpPermissions: permissions = [], SecurityGroupRuleDescriptions: byId = [] } = input
  const group = requireGroup(world, input)
  if (permissions.length > 0 && byId.length > 0) {
    throw exclusive('securityGroupRuleDescriptions', 'the parameter ipPermissions')
  }
  const texts = new Map<SecurityGroupRule, string>()
  for (const { SecurityGroupRuleId: id = '', Description: text = '' } of byId) {
    texts.set(requireRule(world, group, id, egress), readDescription(text))
  }
  if (byId.length === 0) {
    for (const read of readPermissions(permissions, group.vpc, world)) {
      const rule = findRule(world, group, { ...read, egress })
      if (rule === undefined) throw noRule()
      texts.set(rule, read.description ?? '')
    }
  }
  return {
    demands: [demandOn(group, world)],
    commit() {
      for (const [{ description: _, ...rule }, text] of texts) {
        replaceRule(world, rule, text === '' ? rule : { ...rule, description: text })
      }
      return { Return: true }
    },
  }
}

function readUpdate(
  request: ec2.SecurityGroupRuleRequest,
  group: SecurityGroup,
  world: World,
): ReadRule {
  const { CidrIpv4, CidrIpv6, ReferencedGroupId: GroupId, PrefixListId, Description } = request
  if (PrefixListId !== undefined) throw noPrefixList(PrefixListId)
  const peers = [
    ...(CidrIpv4 === undefined ? [] : [ipv4Peer(CidrIpv4)]),
    ...(CidrIpv6 === undefined ? [] : [ipv6Peer(CidrIpv6)]),
    ...(GroupId === undefined ? [] : [groupPeer({ GroupId }, group.vpc, world)]),
  ]
  const [peer, other] = peers
  if (peer === undefined || other !== undefined) {
    throw new ApiError(
      'InvalidParameterCombination',
      'A security group rule must have exactly one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId',
    )
  }
  return {
    ...readTraffic(request),
    peer,
    ...(Description !== undefined && { description: readDescription(Description) }),
  }
}

/** Another address or another group, but not the one for the other. */
function checkPeer(old: Peer, wanted: Peer): void {
  if (wanted.kind === old.kind) return
  const words = { ipv4: 'an IPv4 CIDR', ipv6: 'an IPv6 CIDR', group: 'a referenced group id' }
  const [, oldWords] = /^an? (.*)$/.exec(words[old.kind]) ?? []
  throw invalidValue(`You may not specify ${words[wanted.kind]} for an existing ${oldWords} rule.`)
}
