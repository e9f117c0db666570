/** CreateSecurityGroup, AuthorizeSecurityGroupIngress, DescribeSecurityGroups, DeleteSecurityGroup. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { ApiError } from '../query/api-error.ts'
import { region } from '../world/network.ts'
import { type Resource, requireOne } from '../world/resource.ts'
import {
  addRules,
  checkDeletable,
  checkRules,
  createGroup,
  type SecurityGroup,
  type SecurityGroupRule,
} from '../world/security-group.ts'
import type { World } from '../world/world.ts'
import type { Ec2Actions } from './action.ts'
import { describe } from './common/describe.ts'
import type { Fields } from './common/filters.ts'
import { readTagSpecifications, tagList } from './common/tags.ts'
import { readPermissions, showPermissions } from './permissions.ts'

export const securityGroupActions: Ec2Actions = {
  CreateSecurityGroup: {
    accepts: {
      GroupName: true,
      Description: true,
      VpcId: true,
      TagSpecifications: true,
      DryRun: true,
    },
    plan(input, world) {
      const { GroupName: name = '', Description: description = '', VpcId } = input
      checkName(name)
      checkText('GroupDescription', description)
      const vpc = VpcId === undefined ? world.defaultVpc : requireOne('vpc', world.vpcs, VpcId)
      const tags = readTagSpecifications(input.TagSpecifications, ['security-group'])
      if (findByName(world, name, vpc) !== undefined) {
        throw new ApiError(
          'InvalidGroup.Duplicate',
          `The security group '${name}' already exists for VPC '${vpc.id}'`,
        )
      }
      return () => {
        const group = createGroup(world, { name, description, vpc, tags: tags('security-group') })
        return {
          GroupId: group.id,
          SecurityGroupArn: groupArn(group, world),
          Tags: tagList(group.tags),
        }
      }
    },
  },

  AuthorizeSecurityGroupIngress: {
    accepts: {
      GroupId: true,
      GroupName: true,
      IpProtocol: true,
      FromPort: true,
      ToPort: true,
      CidrIp: true,
      IpPermissions: {
        IpProtocol: true,
        FromPort: true,
        ToPort: true,
        IpRanges: true,
        Ipv6Ranges: true,
        UserIdGroupPairs: { GroupId: true, UserId: true, Description: true },
      },
      TagSpecifications: true,
      DryRun: true,
    },
    plan(input, world) {
      const group = findGroup(world, input)
      const tags = readTagSpecifications(input.TagSpecifications, ['security-group-rule'])
      const rules = readPermissions(permissionsOf(input), world).map((rule) => ({
        ...rule,
        egress: false,
        tags: tags('security-group-rule'),
      }))
      checkRules(group, rules)
      return () => ({
        Return: true,
        SecurityGroupRules: addRules(world, group, rules).map((rule) =>
          showRule(rule, group, world),
        ),
      })
    },
  },

  DescribeSecurityGroups: {
    accepts: {
      GroupIds: true,
      GroupNames: true,
      Filters: true,
      MaxResults: true,
      NextToken: true,
      DryRun: true,
    },
    plan(input, world) {
      const named = (input.GroupNames ?? []).map((name) => requireName(world, name).id)
      const { items, NextToken } = describe(input, {
        kind: 'security-group',
        resources: world.securityGroups,
        fields: groupFields(world),
        ids: [...(input.GroupIds ?? []), ...named],
      })
      return () => ({ SecurityGroups: items.map((group) => showGroup(group, world)), NextToken })
    },
  },

  DeleteSecurityGroup: {
    accepts: { GroupId: true, GroupName: true, DryRun: true },
    plan(input, world) {
      const group = findGroup(world, input)
      checkDeletable(world, group)
      return () => {
        world.securityGroups.delete(group.id)
        return { Return: true, GroupId: group.id }
      }
    },
  },
}

function checkName(name: string): void {
  checkText('GroupName', name)
  if (name.startsWith('sg-')) {
    throw new ApiError(
      'InvalidParameterValue',
      'Invalid group name. Group names cannot begin with sg-',
    )
  }
  if (name === 'default') {
    throw new ApiError('InvalidParameterValue', 'Cannot use reserved security group name: default')
  }
}

function checkText(parameter: string, text: string): void {
  if (/^[\w .\-:/()#,@[\]+=&;{}!$*]{1,255}$/.test(text)) return
  throw new ApiError(
    'InvalidParameterValue',
    `Value (${text}) for parameter ${parameter} is invalid. Up to 255 of these characters are allowed: a-z, A-Z, 0-9, spaces, and ._-:/()#,@[]+=&;{}!$*`,
  )
}

function findByName(world: World, name: string, vpc: Resource): SecurityGroup | undefined {
  return [...world.securityGroups.values()].find(
    (group) => group.name === name && group.vpc === vpc,
  )
}

function requireName(world: World, name: string): SecurityGroup {
  const group = findByName(world, name, world.defaultVpc)
  if (group !== undefined) return group
  throw new ApiError(
    'InvalidGroup.NotFound',
    `The security group '${name}' does not exist in default VPC '${world.defaultVpc.id}'`,
  )
}

function findGroup(
  world: World,
  {
    GroupId: id,
    GroupName: name,
  }: { GroupId?: string | undefined; GroupName?: string | undefined },
): SecurityGroup {
  if (id !== undefined && name !== undefined) {
    throw new ApiError(
      'InvalidParameterCombination',
      'The parameter groupName cannot be used with the parameter groupId',
    )
  }
  if (id !== undefined) return requireOne('security-group', world.securityGroups, id)
  if (name !== undefined) return requireName(world, name)
  throw new ApiError(
    'MissingParameter',
    'The request must contain the parameter groupName or groupId',
  )
}

/** A single rule may also be given without a list. */
function permissionsOf(input: ec2.AuthorizeSecurityGroupIngressRequest): ec2.IpPermission[] {
  const { IpProtocol, FromPort, ToPort, CidrIp, IpPermissions } = input
  const single = [IpProtocol, FromPort, ToPort, CidrIp].some((value) => value !== undefined)
  if (single && IpPermissions !== undefined) {
    throw new ApiError(
      'InvalidParameterCombination',
      'The parameter ipPermissions cannot be used with the parameters of a single rule',
    )
  }
  if (!single) return IpPermissions ?? []
  return [{ IpProtocol, FromPort, ToPort, IpRanges: CidrIp === undefined ? [] : [{ CidrIp }] }]
}

const groupFields = ({ accountId }: World): Fields<SecurityGroup> => ({
  description: ({ description }) => description,
  'group-id': ({ id }) => id,
  'group-name': ({ name }) => name,
  'owner-id': () => accountId,
  'vpc-id': ({ vpc }) => vpc.id,
  ...ruleFields('ip-permission', false),
  ...ruleFields('egress.ip-permission', true),
})

function ruleFields(prefix: string, egress: boolean): Fields<SecurityGroup> {
  const each =
    (read: (rule: SecurityGroupRule) => string | number | undefined) =>
    ({ rules }: SecurityGroup) =>
      rules.filter((rule) => rule.egress === egress).map(read)
  return {
    [`${prefix}.cidr`]: each(({ peer }) => (peer.kind === 'ipv4' ? peer.cidr : undefined)),
    [`${prefix}.ipv6-cidr`]: each(({ peer }) => (peer.kind === 'ipv6' ? peer.cidr : undefined)),
    [`${prefix}.group-id`]: each(({ peer }) => (peer.kind === 'group' ? peer.group.id : undefined)),
    [`${prefix}.from-port`]: each(({ fromPort }) => fromPort),
    [`${prefix}.to-port`]: each(({ toPort }) => toPort),
    [`${prefix}.protocol`]: each(({ protocol }) => protocol),
  }
}

function showGroup(group: SecurityGroup, world: World): ec2.SecurityGroup {
  const { id, name, description, vpc, rules, tags } = group
  const { accountId } = world
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

function showRule(
  { id, egress, protocol, fromPort, toPort, peer, description, tags }: SecurityGroupRule,
  group: SecurityGroup,
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

function groupArn({ id }: SecurityGroup, { accountId }: World): string {
  return `arn:aws:ec2:${region}:${accountId}:security-group/${id}`
}
