/** DescribeInstanceAttribute, ModifyInstanceAttribute. */
import { ApiError } from '../query/api-error.ts'
import { requireOne } from '../world/resource.ts'
import type { Ec2Actions } from './action.ts'
import { attributes } from './instance/attributes.ts'
import { readChange } from './instance/changes.ts'
import { ofInstance } from './instance/demands.ts'
import { demandOn } from './security-group/find.ts'

export const instanceAttributeActions: Ec2Actions = {
  DescribeInstanceAttribute: {
    accepts: { InstanceId: true, Attribute: true, DryRun: true },
    plan({ InstanceId: id = '', Attribute: name }, world) {
      const instance = requireOne('instance', world.instances, id)
      const show = Object.entries(attributes).find(([attribute]) => attribute === name)?.[1]
      if (show === undefined) {
        throw new ApiError(
          'InvalidParameterValue',
          `Value (${name}) for parameter attribute is invalid. Unknown attribute.`,
        )
      }
      return {
        demands: [ofInstance(instance)],
        commit: () => ({ InstanceId: id, ...show(instance) }),
      }
    },
  },

  ModifyInstanceAttribute: {
    accepts: {
      InstanceId: true,
      Attribute: true,
      Value: true,
      BlockDeviceMappings: { DeviceName: true, Ebs: { DeleteOnTermination: true } },
      DisableApiStop: true,
      DisableApiTermination: true,
      EbsOptimized: true,
      EnaSupport: true,
      Groups: true,
      InstanceInitiatedShutdownBehavior: true,
      InstanceType: true,
      SourceDestCheck: true,
      UserData: true,
      DryRun: true,
    },
    plan(input, world) {
      const instance = requireOne('instance', world.instances, input.InstanceId ?? '')
      const { id, state } = instance
      const change = readChange(input, instance, world)
      const groups = change.groups ?? []
      return {
        demands: [
          ofInstance(instance, { 'ec2:Attribute': change.name }),
          ...groups.map((group) => demandOn(group, world)),
        ],
        check() {
          if (change.state === 'stopped' && state !== 'stopped') {
            throw incorrectState(`The instance '${id}' is not in the 'stopped' state.`)
          }
          if (state === 'terminated') {
            throw incorrectState(
              `The instance '${id}' is not in a state from which its attributes can be modified`,
            )
          }
        },
        commit() {
          change.apply()
          return {}
        },
      }
    },
  },
}

function incorrectState(message: string): ApiError {
  return new ApiError('IncorrectInstanceState', message)
}
