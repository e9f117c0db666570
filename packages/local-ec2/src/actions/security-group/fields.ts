/** What security groups and their rules can be filtered by. */
import {
  type SecurityGroup,
  type SecurityGroupRule,
  shownRulesOf,
} from '../../world/security-group.ts'
import type { World } from '../../world/world.ts'
import type { Fields } from '../common/filters.ts'

export const groupFields = (world: World): Fields<SecurityGroup> => ({
  description: ({ description }) => description,
  'group-id': ({ id }) => id,
  'group-name': ({ name }) => name,
  'owner-id': () => world.accountId,
  'vpc-id': ({ vpc }) => vpc.id,
  ...permissionFields('ip-permission', false, world),
  ...permissionFields('egress.ip-permission', true, world),
})

/** Each may be met by another rule. */
function permissionFields(prefix: string, egress: boolean, world: World): Fields<SecurityGroup> {
  const each =
    (read: (rule: SecurityGroupRule) => string | number | undefined) => (group: SecurityGroup) =>
      shownRulesOf(world, group)
        .filter((rule) => rule.egress === egress)
        .map(read)
  return {
    [`${prefix}.cidr`]: each(({ peer }) => (peer.kind === 'ipv4' ? peer.cidr : undefined)),
    [`${prefix}.ipv6-cidr`]: each(({ peer }) => (peer.kind === 'ipv6' ? peer.cidr : undefined)),
    [`${prefix}.group-id`]: each((rule) => groupOf(rule)?.id),
    [`${prefix}.group-name`]: each((rule) => groupOf(rule)?.name),
    [`${prefix}.user-id`]: each((rule) => groupOf(rule) && world.accountId),
    [`${prefix}.prefix-list-id`]: each(() => undefined),
    [`${prefix}.from-port`]: each(({ fromPort }) => fromPort),
    [`${prefix}.to-port`]: each(({ toPort }) => toPort),
    [`${prefix}.protocol`]: each(({ protocol }) => protocol),
  }
}

function groupOf({ peer }: SecurityGroupRule): SecurityGroup | undefined {
  return peer.kind === 'group' ? peer.group : undefined
}

export const ruleFields: Fields<SecurityGroupRule> = {
  'group-id': ({ group }) => group.id,
  'security-group-rule-id': ({ id }) => id,
}
