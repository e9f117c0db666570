/** The rules of security groups: authorize, revoke, describe, modify, and their descriptions. */
import type * as ec2 from '@aws-sdk/client-ec2'

import {
  addRules,
  checkRules,
  findRule,
  type SecurityGroup,
  type SecurityGroupRule,
} from '../world/security-group.ts'
import type { World } from '../world/world.ts'
import type { Ec2Actions, Plan } from './action.ts'
import { created } from './common/demands.ts'
import { describe } from './common/describe.ts'
import { exclusive } from './common/refusals.ts'
import { readTagSpecifications } from './common/tags.ts'
import { ruleFields } from './security-group/fields.ts'
import { demandOn, requireGroup, requireRule } from './security-group/find.ts'
import {
  noRule,
  permissionShape,
  readPermissions,
  type ReadRule,
  showPermissions,
} from './security-group/permissions.ts'
import { showRevoked, showRule } from './security-group/show.ts'
import { isSingle, permissionsOf } from './security-group/single-rule.ts'
import { modifyRules, updateDescriptions } from './security-group/update.ts'

const ingressShape = {
  GroupId: true,
  GroupName: true,
  IpProtocol: true,
  FromPort: true,
  ToPort: true,
  CidrIp: true,
  SourceSecurityGroupName: true,
  SourceSecurityGroupOwnerId: true,
  IpPermissions: permissionShape,
  DryRun: true,
} as const
const egressShape = { GroupId: true, IpPermissions: permissionShape, DryRun: true } as const
const descriptionsShape = {
  GroupId: true,
  GroupName: true,
  IpPermissions: permissionShape,
  SecurityGroupRuleDescriptions: true,
  DryRun: true,
} as const

export const securityGroupRuleActions: Ec2Actions = {
  AuthorizeSecurityGroupIngress: {
    accepts: { ...ingressShape, TagSpecifications: true },
    plan: (input, world) => authorize(input, world, false),
  },
  AuthorizeSecurityGroupEgress: {
    accepts: { ...egressShape, TagSpecifications: true },
    plan: (input, world) => authorize(input, world, true),
  },
  RevokeSecurityGroupIngress: {
    accepts: { ...ingressShape, SecurityGroupRuleIds: true },
    plan: (input, world) => revoke(input, world, false),
  },
  RevokeSecurityGroupEgress: {
    accepts: { ...egressShape, SecurityGroupRuleIds: true },
    plan: (input, world) => revoke(input, world, true),
  },
  UpdateSecurityGroupRuleDescriptionsIngress: {
    accepts: descriptionsShape,
    plan: (input, world) => updateDescriptions(input, world, false),
  },
  UpdateSecurityGroupRuleDescriptionsEgress: {
    accepts: descriptionsShape,
    plan: (input, world) => updateDescriptions(input, world, true),
  },

  DescribeSecurityGroupRules: {
    accepts: {
      SecurityGroupRuleIds: true,
      Filters: true,
      MaxResults: true,
      NextToken: true,
      DryRun: true,
    },
    plan(input, world) {
      const { items, NextToken } = describe(input, {
        kind: 'security-group-rule',
        resources: world.securityGroupRules,
        fields: ruleFields,
        ids: input.SecurityGroupRuleIds,
      })
      return () => ({ SecurityGroupRules: items.map((rule) => showRule(rule, world)), NextToken })
    },
  },

  ModifySecurityGroupRules: {
    accepts: { GroupId: true, SecurityGroupRules: true, DryRun: true },
    plan: modifyRules,
  },
}

type Authorization = ec2.AuthorizeSecurityGroupIngressRequest

function authorize(
  input: Authorization,
  world: World,
  egress: boolean,
): Plan<ec2.AuthorizeSecurityGroupIngressResult> {
  const group = requireGroup(world, input)
  const tags = readTagSpecifications(input.TagSpecifications, ['security-group-rule'])
  const rules = readPermissions(permissionsOf(input), group.vpc, world).map((rule) => ({
    ...rule,
    egress,
    tags: tags('security-group-rule'),
  }))
  const action = `AuthorizeSecurityGroup${egress ? 'Egress' : 'Ingress'}`
  return {
    demands: [
      demandOn(group, world),
      // Only who tags rules needs to be allowed anything on them.
      ...(tags('security-group-rule').size === 0
        ? []
        : created('security-group-rule', action, tags('security-group-rule'))),
    ],
    check: () => checkRules(world, group, rules),
    commit: () => ({
      Return: true,
      SecurityGroupRules: addRules(world, group, rules).map((rule) => showRule(rule, world)),
    }),
  }
}

type Revocation = ec2.RevokeSecurityGroupIngressRequest

function revoke(
  input: Revocation,
  world: World,
  egress: boolean,
): Plan<ec2.RevokeSecurityGroupIngressResult> {
  const group = requireGroup(world, input)
  const { found, unknown } = rulesToRevoke(input, group, world, egress)
  return {
    demands: [demandOn(group, world)],
    check() {
      if (unknown.length > 0 && group.vpc !== world.defaultVpc) throw noRule()
    },
    commit() {
      for (const { id } of found) world.securityGroupRules.delete(id)
      return {
        Return: true,
        UnknownIpPermissions: showPermissions(unknown, world.accountId),
        RevokedSecurityGroupRules: found.map((rule) => showRevoked(rule, world)),
      }
    },
  }
}

function rulesToRevoke(
  input: Revocation,
  group: SecurityGroup,
  world: World,
  egress: boolean,
): { found: SecurityGroupRule[]; unknown: ReadRule[] } {
  const { SecurityGroupRuleIds: ids = [] } = input
  if (ids.length === 0) {
    const found = new Set<SecurityGroupRule>()
    const unknown: ReadRule[] = []
    for (const read of readPermissions(permissionsOf(input), group.vpc, world)) {
      const rule = findRule(world, group, { ...read, egress })
      if (rule === undefined) unknown.push(read)
      else found.add(rule)
    }
    return { found: [...found], unknown }
  }
  if (isSingle(input) || (input.IpPermissions ?? []).length > 0) {
    throw exclusive('securityGroupRuleIds', 'the parameter ipPermissions')
  }
  const found = [...new Set(ids)].map((id) => requireRule(world, group, id, egress))
  return { found, unknown: [] }
}
