/** What the endpoint tells of an instance each time its state changes. */
import type { Instance, InstanceState } from './world/instance.ts'

export interface InstanceEvent {
  readonly time: Date
  readonly instanceId: string
  /** Such as `m7i.large`. */
  readonly instanceType: string
  readonly state: InstanceState
  /** The value of its tag `Name`. */
  readonly name?: string
  readonly privateIp: string
  /** Where this computer reaches it, while it is powered. */
  readonly publicIp?: string
  readonly sshPort: number
  /** Why it is in this state, in EC2's words; absent where a launch or a start is the reason. */
  readonly reason?: string
}

export function eventOf(instance: Instance): InstanceEvent {
  const { id, type, state, tags, machine, networkInterface, stateReason } = instance
  const name = tags.get('Name')
  const publicIp = networkInterface?.publicIp
  const reason = state === 'pending' || state === 'running' ? undefined : stateReason?.message
  return {
    time: new Date(),
    instanceId: id,
    instanceType: type.name,
    state,
    ...(name !== undefined && { name }),
    privateIp: machine.privateIp,
    ...(publicIp !== undefined && { publicIp }),
    sshPort: machine.sshPort,
    ...(reason !== undefined && { reason }),
  }
}
