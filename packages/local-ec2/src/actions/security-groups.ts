/** CreateSecurityGroup, DescribeSecurityGroups, DeleteSecurityGroup. */
import { requireOne } from '../world/resource.ts'
import {
  checkCreatable,
  checkDeletable,
  createGroup,
  deleteGroup,
} from '../world/security-group.ts'
import type { Ec2Actions } from './action.ts'
import { created, existing } from './common/demands.ts'
import { describe } from './common/describe.ts'
import { invalidValue, missingParameter } from './common/refusals.ts'
import { readTagSpecifications, tagList } from './common/tags.ts'
import { groupFields } from './security-group/fields.ts'
import { demandOn, requireGroup, requireGroupName } from './security-group/find.ts'
import { groupArn, showGroup } from './security-group/show.ts'

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
      const { GroupName = '', Description: description = '', VpcId } = input
      // EC2 keeps it without blanks at its end.
      const name = GroupName.replace(/ +$/, '')
      checkName(name)
      checkText('GroupDescription', description, 'security group description')
      const vpc = VpcId === undefined ? world.defaultVpc : requireOne('vpc', world.vpcs, VpcId)
      const tags = readTagSpecifications(input.TagSpecifications, ['security-group'])(
        'security-group',
      )
      return {
        demands: [
          ...created('security-group', 'CreateSecurityGroup', tags),
          existing('vpc', vpc, { 'ec2:Tenancy': 'default', 'ec2:VpcID': vpc.id }),
        ],
        check: () => checkCreatable(world, { name, vpc }),
        commit() {
          const group = createGroup(world, { name, description, vpc, tags })
          return {
            GroupId: group.id,
            SecurityGroupArn: groupArn(group, world),
            Tags: tagList(tags),
          }
        },
      }
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
      const named = (input.GroupNames ?? []).map((name) => requireGroupName(world, name).id)
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
      const group = requireGroup(world, input)
      return {
        demands: [demandOn(group, world)],
        check: () => checkDeletable(world, group),
        commit() {
          deleteGroup(world, group)
          return { Return: true, GroupId: group.id }
        },
      }
    },
  },
}

function checkName(name: string): void {
  checkText('GroupName', name, 'security group name')
  if (name.startsWith('sg-')) {
    throw invalidValue('Invalid group name. Group names cannot begin with sg-')
  }
  if (name === 'default') {
    throw invalidValue('Cannot use reserved security group name: default')
  }
}

function checkText(parameter: string, text: string, what: string): void {
  if (text === '') {
    throw missingParameter(parameter)
  }
  if (/^[\w .\-:/()#,@[\]+=&;{}!$*]{1,255}$/.test(text)) return
  throw invalidValue(
    /^[\x20-\x7e]*$/.test(text)
      ? `Invalid ${what}. Valid ${what.replace('security group ', '')}s are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*`
      : `Value (${text}) for parameter ${parameter} is invalid. Character sets beyond ASCII are not supported.`,
  )
}
