/** The security group, or the rule of one, that a call means. */
import { ApiError } from '../../query/api-error.ts'
import { region } from '../../world/network.ts'
import { absent, isVisible, requireOne } from '../../world/resource.ts'
import {
  findGroup,
  type SecurityGroup,
  type SecurityGroupRule,
} from '../../world/security-group.ts'
import type { World } from '../../world/world.ts'
import type { Demand } from '../action.ts'
import { existing } from '../common/demands.ts'
import { exclusive, missingParameter } from '../common/refusals.ts'

interface Named {
  GroupId?: string | undefined
  GroupName?: string | undefined
}

/** @throws {ApiError} `InvalidGroup.NotFound`, `InvalidGroupId.Malformed`, or if not exactly one of the two is given */
export function requireGroup(world: World, { GroupId: id, GroupName: name }: Named): SecurityGroup {
  if (id !== undefined && name !== undefined) {
    throw exclusive('groupName', 'the parameter groupId')
  }
  if (id !== undefined) return requireOne('security-group', world.securityGroups, id)
  if (name !== undefined) return requireGroupName(world, name)
  throw missingParameter('groupName or groupId')
}

/** A name alone means a group of the default VPC. */
export function requireGroupName(world: World, name: string): SecurityGroup {
  const group = findGroup(world, name, world.defaultVpc)
  if (group !== undefined && isVisible(group)) return group
  throw new ApiError(
    'InvalidGroup.NotFound',
    `The security group '${name}' does not exist in default VPC '${world.defaultVpc.id}'`,
  )
}

/** One of a group, and of one direction if that is said. @throws {ApiError} `InvalidSecurityGroupRuleId.…` */
export function requireRule(
  world: World,
  group: SecurityGroup,
  id: string,
  egress?: boolean,
): SecurityGroupRule {
  const rule = requireOne('security-group-rule', world.securityGroupRules, id)
  if (rule.group === group && (egress ?? rule.egress) === rule.egress) return rule
  throw absent('security-group-rule', [id])
}

export function demandOn(group: SecurityGroup, { accountId }: World): Demand {
  return existing('security-group', group, {
    'ec2:SecurityGroupID': group.id,
    'ec2:Vpc': `arn:aws:ec2:${region}:${accountId}:vpc/${group.vpc.id}`,
  })
}
