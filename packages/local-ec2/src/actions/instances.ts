/** DescribeInstances, TerminateInstances, ModifyInstanceAttribute, GetConsoleOutput. */
import { ApiError } from '../query/api-error.ts'
import { terminate } from '../world/instance.ts'
import { requireAll, requireOne } from '../world/resource.ts'
import { groupsForInterface } from '../world/security-group.ts'
import type { Ec2Actions } from './action.ts'
import { describe } from './common/describe.ts'
import { instanceFields } from './instance/fields.ts'
import { showReservations, showState } from './instance/show.ts'

/** EC2 keeps the end of the console, not its beginning. */
const consoleBytes = 64 * 1024

export const instanceActions: Ec2Actions = {
  DescribeInstances: {
    accepts: { InstanceIds: true, Filters: true, MaxResults: true, NextToken: true, DryRun: true },
    plan(input, world) {
      const { items, NextToken } = describe(input, {
        kind: 'instance',
        resources: world.instances,
        fields: instanceFields(world),
        ids: input.InstanceIds,
        exclusiveIds: 'instancesSet',
      })
      return () => ({ Reservations: showReservations(items, world), NextToken })
    },
  },

  TerminateInstances: {
    accepts: { InstanceIds: true, DryRun: true },
    plan({ InstanceIds: ids = [] }, world) {
      if (ids.length === 0) {
        throw new ApiError('InvalidParameterCombination', 'No instances specified')
      }
      // One id that is not there, and none of them is terminated.
      const instances = requireAll('instance', world.instances, ids)
      return () => ({
        TerminatingInstances: instances.map((instance) => {
          const PreviousState = showState(instance)
          terminate(world, instance)
          return { InstanceId: instance.id, PreviousState, CurrentState: showState(instance) }
        }),
      })
    },
  },

  ModifyInstanceAttribute: {
    accepts: { InstanceId: true, Groups: true, DryRun: true },
    plan({ InstanceId: id = '', Groups: groupIds = [] }, world) {
      const { networkInterface, state } = requireOne('instance', world.instances, id)
      if (groupIds.length === 0) {
        throw new ApiError('InvalidParameterCombination', 'No attributes specified.')
      }
      if (networkInterface === undefined || state === 'shutting-down') {
        throw new ApiError(
          'IncorrectInstanceState',
          `The instance '${id}' is not in a state from which its groups can be modified`,
        )
      }
      const groups = groupsForInterface(world, groupIds, networkInterface.subnet.vpc)
      return () => {
        networkInterface.groups = groups
        return {}
      }
    },
  },

  GetConsoleOutput: {
    accepts: { InstanceId: true, Latest: true, DryRun: true },
    plan({ InstanceId: id = '' }, world) {
      const { machine } = requireOne('instance', world.instances, id)
      return () => {
        const output = Buffer.from(machine.console()).subarray(-consoleBytes)
        return { InstanceId: id, Timestamp: new Date(), Output: output.toString('base64') }
      }
    },
  },
}
