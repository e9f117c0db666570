/** DescribeInstances, GetConsoleOutput. */
import { requireOne } from '../world/resource.ts'
import type { Ec2Actions } from './action.ts'
import { describe } from './common/describe.ts'
import { ofInstance } from './instance/demands.ts'
import { instanceFields } from './instance/fields.ts'
import { showReservations } from './instance/show.ts'

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

  GetConsoleOutput: {
    accepts: { InstanceId: true, Latest: true, DryRun: true },
    plan({ InstanceId: id = '' }, world) {
      const instance = requireOne('instance', world.instances, id)
      return {
        demands: [ofInstance(instance)],
        commit() {
          const output = Buffer.from(instance.machine.console()).subarray(-consoleBytes)
          return {
            InstanceId: id,
            Timestamp: new Date(world.now()),
            // EC2 leaves it out until there is something to show.
            Output: output.length === 0 ? undefined : output.toString('base64'),
          }
        },
      }
    },
  },
}
