/** One change of an instance's attributes, as ModifyInstanceAttribute is asked for it. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { ApiError } from '../../query/api-error.ts'
import { assignGroups, type NetworkInterface } from '../../world/attachments.ts'
import { instanceTypes } from '../../world/instance-types.ts'
import type { Instance } from '../../world/instance.ts'
import { relearn } from '../../world/lifecycle.ts'
import { groupsForInterface, type SecurityGroup } from '../../world/security-group.ts'
import type { World } from '../../world/world.ts'
import { usualCpu } from '../launch/cpu.ts'
import { checkArchitecture, checkBootable } from '../launch/image.ts'
import { checkUserData, readUserData } from '../launch/user-data.ts'

export interface Change {
  /** As the parameter is called. */
  name: string
  /** Most can only be changed while nothing runs. */
  state: 'stopped' | 'any'
  /** Groups that it assigns. */
  groups?: readonly SecurityGroup[]
  apply(): void
}

type Input = ec2.ModifyInstanceAttributeCommandInput
type Member = Exclude<keyof Input, 'InstanceId' | 'DryRun' | 'Attribute' | 'Value'>
type Read<Name extends Member> = (
  value: NonNullable<Input[Name]>,
  instance: Instance,
  world: World,
) => Omit<Change, 'name'>

const members = [
  member('BlockDeviceMappings', (mappings, instance) => {
    const changes = mappings.map((mapping) => readMapping(mapping, instance))
    return { state: 'any', apply: () => changes.forEach((change) => change()) }
  }),
  member(
    'DisableApiStop',
    flag((instance, on) => (instance.disableApiStop = on)),
  ),
  member(
    'DisableApiTermination',
    flag((instance, on) => (instance.disableApiTermination = on)),
  ),
  member(
    'EbsOptimized',
    flag((instance, on) => (instance.ebsOptimized = on), 'stopped'),
  ),
  member(
    'EnaSupport',
    flag((_, on) => {
      if (on) return
      throw new ApiError(
        'UnsupportedOperation',
        'An instance without ENA is not implemented by this local endpoint.',
      )
    }, 'stopped'),
  ),
  member('Groups', (ids, instance, world) => {
    const networkInterface = networkOf(instance)
    const groups = groupsForInterface(world, ids, networkInterface.subnet.vpc)
    return {
      state: 'any',
      groups,
      apply() {
        assignGroups(world, networkInterface, groups)
        relearn(world, instance)
      },
    }
  }),
  member('InstanceInitiatedShutdownBehavior', ({ Value: value }, instance) => {
    if (value !== 'stop' && value !== 'terminate') {
      throw invalid(`Value (${value}) for parameter instanceInitiatedShutdownBehavior is invalid.`)
    }
    return { state: 'any', apply: () => (instance.shutdownBehavior = value) }
  }),
  member('InstanceType', ({ Value: name = '' }, instance, world) => {
    const type = instanceTypes.get(name)
    if (type === undefined) {
      throw new ApiError(
        'InvalidInstanceAttributeValue',
        `Invalid value '${name}' for instanceType.`,
      )
    }
    checkBootable(type, world)
    checkArchitecture(type, instance.image)
    return {
      state: 'stopped',
      apply() {
        instance.type = type
        instance.cpu = usualCpu(type)
        relearn(world, instance)
      },
    }
  }),
  member('SourceDestCheck', ({ Value: on }, instance) => {
    const networkInterface = networkOf(instance)
    const value = required(on)
    return { state: 'any', apply: () => (networkInterface.sourceDestCheck = value) }
  }),
  member('UserData', ({ Value: bytes }, instance, world) => {
    const userData = checkUserData(bytes)
    return {
      state: 'stopped',
      apply() {
        instance.userData = userData
        relearn(world, instance)
      },
    }
  }),
]

/** The older way: the name of an attribute, and its value as text. */
const named: Partial<Record<ec2.InstanceAttributeName, (value: string) => Partial<Input>>> = {
  disableApiStop: (value) => ({ DisableApiStop: { Value: truth(value) } }),
  disableApiTermination: (value) => ({ DisableApiTermination: { Value: truth(value) } }),
  ebsOptimized: (value) => ({ EbsOptimized: { Value: truth(value) } }),
  enaSupport: (value) => ({ EnaSupport: { Value: truth(value) } }),
  instanceInitiatedShutdownBehavior: (Value) => ({ InstanceInitiatedShutdownBehavior: { Value } }),
  instanceType: (Value) => ({ InstanceType: { Value } }),
  sourceDestCheck: (value) => ({ SourceDestCheck: { Value: truth(value) } }),
  userData: (value) => ({ UserData: { Value: readUserData(value) } }),
}

/** @throws {ApiError} `InvalidParameterCombination` unless there is exactly one */
export function readChange(input: Input, instance: Instance, world: World): Change {
  const all = { ...input, ...readNamed(input.Attribute, input.Value) }
  const changes = members.flatMap((read) => read(all, instance, world))
  const [change, another] = changes
  if (change === undefined) {
    throw new ApiError('InvalidParameterCombination', 'No attributes specified.')
  }
  if (another !== undefined) {
    throw new ApiError(
      'InvalidParameterCombination',
      `Fields for multiple attribute types specified: ${changes.map(({ name }) => name).join(', ')}`,
    )
  }
  return change
}

function member<Name extends Member>(name: Name, read: Read<Name>) {
  return (input: Partial<Input>, instance: Instance, world: World): Change[] => {
    const value = input[name]
    return value === undefined ? [] : [{ name, ...read(value, instance, world) }]
  }
}

function readNamed(attribute: string | undefined, value: string | undefined): Partial<Input> {
  if (attribute === undefined || value === undefined) return {}
  const read = Object.entries(named).find(([name]) => name === attribute)?.[1]
  if (read === undefined) {
    throw new ApiError(
      'UnsupportedOperation',
      `ModifyInstanceAttribute of ${attribute} is not implemented by this local endpoint.`,
    )
  }
  return read(value)
}

function flag(set: (instance: Instance, on: boolean) => void, state: Change['state'] = 'any') {
  return ({ Value }: ec2.AttributeBooleanValue, instance: Instance): Omit<Change, 'name'> => {
    const on = required(Value)
    return { state, apply: () => set(instance, on) }
  }
}

function readMapping(
  { DeviceName: name, Ebs }: ec2.InstanceBlockDeviceMappingSpecification,
  { volumes }: Instance,
): () => void {
  const attachment = volumes.find(({ device }) => device === name)?.attachment
  if (attachment === undefined) {
    throw new ApiError(
      'InvalidInstanceAttributeValue',
      `No device is currently mapped at ${name ?? ''}`,
    )
  }
  return () => {
    attachment.deleteOnTermination = Ebs?.DeleteOnTermination ?? true
  }
}

function networkOf({ id, networkInterface, state }: Instance): NetworkInterface {
  if (networkInterface !== undefined && state !== 'shutting-down') return networkInterface
  throw new ApiError(
    'IncorrectInstanceState',
    `The instance '${id}' is not in a state from which its network can be modified`,
  )
}

function truth(value: string): boolean {
  if (/^(true|false)$/i.test(value)) return value.toLowerCase() === 'true'
  throw invalid(`Value (${value}) for parameter value is invalid.`)
}

function required<T>(value: T | undefined): T {
  if (value !== undefined) return value
  throw new ApiError('MissingParameter', 'The request must contain the parameter value')
}

function invalid(message: string): ApiError {
  return new ApiError('InvalidParameterValue', message)
}
