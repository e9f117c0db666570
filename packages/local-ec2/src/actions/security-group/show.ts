/** Security groups and their rules as they are answered. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { region } from '../../world/network.ts'
import {
  type SecurityGroup,
  type SecurityGroupRule,
  shownRulesOf,
} from '../../world/security-group.ts'
import type { World } from '../../world/world.ts'
import { tagList } from '../common/tags.ts'
import { showPermissions } from './permissions.ts'

export function showGroup(group: SecurityGroup, world: World): ec2.SecurityGroup {
  const { id, name, description, vpc, tags } = group
  const { accountId } = world
  const rules = shownRulesOf(world, group)
  return {
    GroupId: id,
    GroupName: name,
    Description: description,
    OwnerId: accountId,
    VpcId: vpc.id,
    SecurityGroupArn: groupArn(group, world),
    IpPermissions: showPermissions(
      rules.filter(({ egress }) => !egress),
      accountId,
    ),
    IpPermissionsEgress: showPermissions(
      rules.filter(({ egress }) => egress),
      accountId,
    ),
    Tags: tagList(tags),
  }
}

export function showRule(
  { id, group, egress, protocol, fromPort, toPort, peer, description, tags }: SecurityGroupRule,
  { accountId }: World,
): ec2.SecurityGroupRule {
  return {
    SecurityGroupRuleId: id,
    SecurityGroupRuleArn: `arn:aws:ec2:${region}:${accountId}:security-group-rule/${id}`,
    GroupId: group.id,
    GroupOwnerId: accountId,
    IsEgress: egress,
    IpProtocol: protocol,
    FromPort: fromPort,
    ToPort: toPort,
    CidrIpv4: peer.kind === 'ipv4' ? peer.cidr : undefined,
    CidrIpv6: peer.kind === 'ipv6' ? peer.cidr : undefined,
    ReferencedGroupInfo:
      peer.kind === 'group' ? { GroupId: peer.group.id, UserId: accountId } : undefined,
    Description: description,
    Tags: tagList(tags),
  }
}

export function showRevoked(rule: SecurityGroupRule, world: World): ec2.RevokedSecurityGroupRule {
  const { SecurityGroupRuleId, GroupId, IsEgress, IpProtocol, FromPort, ToPort, ...rest } =
    showRule(rule, world)
  const { CidrIpv4, CidrIpv6, Description, ReferencedGroupInfo } = rest
  return {
    SecurityGroupRuleId,
    GroupId,
    IsEgress,
    IpProtocol,
    FromPort,
    ToPort,
    CidrIpv4,
    CidrIpv6,
    ReferencedGroupId: ReferencedGroupInfo?.GroupId,
    Description,
  }
}

export function groupArn({ id }: SecurityGroup, { accountId }: World): string {
  return `arn:aws:ec2:${region}:${accountId}:security-group/${id}`
}
