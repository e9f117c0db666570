/** StartInstances, StopInstances, RebootInstances, TerminateInstances. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { LocalEc2Error } from '../errors.ts'
import { ApiError } from '../query/api-error.ts'
import type { Instance, InstanceState } from '../world/instance.ts'
import { start, stop, terminate } from '../world/lifecycle.ts'
import { noMachine } from '../world/reservation.ts'
import { requireAll } from '../world/resource.ts'
import type { World } from '../world/world.ts'
import type { Ec2Actions } from './action.ts'
import { ofInstance } from './instance/demands.ts'
import { showState } from './instance/show.ts'
import { checkOffered, lacksCapacity } from './launch/zone.ts'

export const instanceStateActions: Ec2Actions = {
  StartInstances: {
    accepts: { InstanceIds: true, DryRun: true },
    plan({ InstanceIds }, world) {
      const instances = require(InstanceIds, world)
      const stopped = instances.filter(({ state }) => state === 'stopped')
      return {
        demands: instances.map((instance) => ofInstance(instance)),
        check() {
          refuse(instances, ['stopping', 'shutting-down', 'terminated'], 'started')
          for (const { type, subnet } of stopped) checkOffered(type, subnet)
        },
        commit() {
          // Not before: neither a DryRun nor somebody who may not start them hears of capacity.
          if (stopped.some(({ type, subnet }) => lacksCapacity(type, subnet))) {
            throw new ApiError('InsufficientInstanceCapacity', 'Insufficient capacity.')
          }
          return { StartingInstances: change(instances, (instance) => startOne(world, instance)) }
        },
      }
    },
  },

  StopInstances: {
    accepts: {
      InstanceIds: true,
      Hibernate: true,
      SkipOsShutdown: true,
      Force: true,
      DryRun: true,
    },
    plan({ InstanceIds, Hibernate, Force, SkipOsShutdown }, world) {
      const instances = require(InstanceIds, world)
      return {
        demands: instances.map((instance) => ofInstance(instance)),
        check() {
          refuse(instances, ['shutting-down', 'terminated'], 'stopped')
          for (const instance of instances) checkStoppable(instance, Hibernate ?? false)
        },
        commit: () => ({
          StoppingInstances: change(instances, (instance) =>
            stop(world, instance, Force === true || SkipOsShutdown === true ? 'now' : 'gently'),
          ),
        }),
      }
    },
  },

  RebootInstances: {
    accepts: { InstanceIds: true, DryRun: true },
    plan({ InstanceIds }, world) {
      const instances = require(InstanceIds, world)
      return {
        demands: instances.map((instance) => ofInstance(instance)),
        // "Requests to reboot terminated instances are ignored."
        check: () => refuse(instances, ['stopping', 'stopped'], 'rebooted'),
        commit() {
          for (const { machine, state } of instances) {
            if (state === 'pending' || state === 'running') machine.reboot()
          }
          return {}
        },
      }
    },
  },

  TerminateInstances: {
    // Not `Force` nor `SkipOsShutdown`: here the plug is pulled in any case.
    accepts: { InstanceIds: true, DryRun: true },
    plan({ InstanceIds }, world) {
      // One id that is not there, and none of them is terminated.
      const instances = require(InstanceIds, world)
      const kept = instances.filter(isProtected)
      // A protected one saves all others in its zone, and those alone.
      const zones = new Set(kept.map(({ subnet }) => subnet.zone.name))
      const doomed = instances.filter(({ subnet }) => !zones.has(subnet.zone.name))
      return {
        demands: instances.map((instance) => ofInstance(instance)),
        check() {
          if (doomed.length === 0) refuseProtected(kept)
        },
        commit() {
          const TerminatingInstances = change(doomed, (instance) => terminate(world, instance))
          refuseProtected(kept)
          return { TerminatingInstances }
        },
      }
    },
  },
}

function require(ids: readonly string[] = [], { instances }: World): Instance[] {
  if (ids.length === 0) {
    throw new ApiError('InvalidParameterCombination', 'No instances specified')
  }
  return requireAll('instance', instances, ids)
}

function refuse(
  instances: readonly Instance[],
  states: readonly InstanceState[],
  verb: string,
): void {
  const wrong = instances.find(({ state }) => states.includes(state))
  if (wrong === undefined) return
  throw incorrectState(`The instance '${wrong.id}' is not in a state from which it can be ${verb}.`)
}

function checkStoppable({ id, state, hasRun, disableApiStop }: Instance, hibernate: boolean): void {
  if (state === 'pending' && !hasRun) {
    throw incorrectState(
      `Instance '${id}' cannot be stopped as it has never reached the 'running' state.`,
    )
  }
  if (disableApiStop) throw protectedFrom(id, 'stopped', 'disableApiStop')
  if (hibernate) {
    throw new ApiError(
      'UnsupportedHibernationConfiguration',
      `The instance can't be hibernated because it was not configured at launch for hibernation: ${id}`,
    )
  }
}

/** Whoever may not stop an instance may not terminate it either; one that has ended is beyond both. */
function isProtected({ state, disableApiStop, disableApiTermination }: Instance): boolean {
  if (state === 'terminated' || state === 'shutting-down') return false
  return disableApiTermination || disableApiStop
}

function refuseProtected([first]: readonly Instance[]): void {
  if (first === undefined) return
  const { id, disableApiTermination } = first
  throw protectedFrom(
    id,
    'terminated',
    disableApiTermination ? 'disableApiTermination' : 'disableApiStop',
  )
}

function startOne(world: World, instance: Instance): void {
  try {
    start(world, instance)
  } catch (error) {
    if (!(error instanceof LocalEc2Error)) throw error
    if (error.code !== 'NO_FREE_ADDRESS') throw noMachine(error)
    throw new ApiError(
      'InsufficientAddressCapacity',
      'Not enough available addresses to satisfy your minimum request.',
    )
  }
}

function change(
  instances: readonly Instance[],
  act: (instance: Instance) => void,
): ec2.InstanceStateChange[] {
  return instances.map((instance) => {
    const PreviousState = showState(instance)
    act(instance)
    return { InstanceId: instance.id, PreviousState, CurrentState: showState(instance) }
  })
}

function incorrectState(message: string): ApiError {
  return new ApiError('IncorrectInstanceState', message)
}

function protectedFrom(id: string, verb: string, attribute: string): ApiError {
  return new ApiError(
    'OperationNotPermitted',
    `The instance '${id}' may not be ${verb}. Modify its '${attribute}' instance attribute and try again.`,
  )
}
