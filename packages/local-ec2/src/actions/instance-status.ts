/** DescribeInstanceStatus. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { ApiError } from '../query/api-error.ts'
import { type Instance, stateCodes } from '../world/instance.ts'
import type { Ec2Actions } from './action.ts'
import { describe } from './common/describe.ts'
import type { Fields } from './common/filters.ts'
import { showState } from './instance/show.ts'

export const instanceStatusActions: Ec2Actions = {
  DescribeInstanceStatus: {
    accepts: {
      InstanceIds: true,
      Filters: true,
      IncludeAllInstances: true,
      MaxResults: true,
      NextToken: true,
      DryRun: true,
    },
    plan(input, world) {
      const { IncludeAllInstances: all = false, Filters = [] } = input
      const tagged = Filters.find(({ Name = '' }) => /^tag(:|-key$)/.test(Name))
      if (tagged !== undefined) {
        // The one Describe call for instances that does not look at tags.
        throw new ApiError('InvalidParameterValue', `The filter '${tagged.Name}' is invalid`)
      }
      const running = { Name: 'instance-state-name', Values: ['running'] }
      const { items, NextToken } = describe(
        all ? input : { ...input, Filters: [...Filters, running] },
        {
          kind: 'instance',
          resources: world.instances,
          fields,
          ids: input.InstanceIds,
          exclusiveIds: 'instancesSet',
        },
      )
      return () => ({ InstanceStatuses: items.map(show), NextToken })
    },
  },
}

/** What both checks of EC2 say: whether the machine can be reached, and whether what it stands on works. */
function check({ state }: Instance): { status: ec2.SummaryStatus; reachability?: ec2.StatusType } {
  if (state === 'pending') return { status: 'initializing', reachability: 'initializing' }
  if (state === 'running') return { status: 'ok', reachability: 'passed' }
  return { status: 'not-applicable' }
}

const noEvent = (): undefined => undefined

const fields: Fields<Instance> = {
  'attached-ebs-status.status': (instance) => check(instance).status,
  'availability-zone': ({ subnet }) => subnet.zone.name,
  'availability-zone-id': ({ subnet }) => subnet.zone.id,
  'event.code': noEvent,
  'event.description': noEvent,
  'event.instance-event-id': noEvent,
  'event.not-after': noEvent,
  'event.not-before': noEvent,
  'event.not-before-deadline': noEvent,
  'instance-state-code': ({ state }) => stateCodes[state],
  'instance-state-name': ({ state }) => state,
  'instance-status.reachability': (instance) => check(instance).reachability,
  'instance-status.status': (instance) => check(instance).status,
  'operator.managed': () => false,
  'system-status.reachability': (instance) => check(instance).reachability,
  'system-status.status': (instance) => check(instance).status,
}

function show(instance: Instance): ec2.InstanceStatus {
  const { id, subnet } = instance
  const { status: Status, reachability } = check(instance)
  const summary = {
    Status,
    Details: reachability && [{ Name: 'reachability' as const, Status: reachability }],
  }
  return {
    InstanceId: id,
    AvailabilityZone: subnet.zone.name,
    AvailabilityZoneId: subnet.zone.id,
    InstanceState: showState(instance),
    InstanceStatus: summary,
    SystemStatus: summary,
    AttachedEbsStatus: summary,
    Operator: { Managed: false },
    Events: [],
  }
}
