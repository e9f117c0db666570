/**
 * The life of an instance.
 *
 * `pending` → `running` → `shutting-down` → `terminated`, or → `stopped`. The machine decides when:
 * it says that it runs and that it is off, and everything here follows.
 */
import type { Machine, MachineEnd, MachineFacts } from '../machine/machine.ts'
import {
  createInterface,
  createVolume,
  type NetworkInterface,
  release,
  type Volume,
  type VolumeSpec,
} from './attachments.ts'
import { formatCidr } from './cidr.ts'
import type { Image } from './images.ts'
import type { InstanceType } from './instance-types.ts'
import { region, type Subnet } from './network.ts'
import { newId, type Resource, type Tags } from './resource.ts'
import type { SecurityGroup } from './security-group.ts'
import type { World } from './world.ts'

export type InstanceState = 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopped'

export const stateCodes: Record<InstanceState, number> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopped: 80,
}

export interface MetadataOptions {
  httpTokens: 'optional' | 'required'
  httpEndpoint: 'enabled' | 'disabled'
  hopLimit: number
}

/** All that RunInstances asks for, checked and with its defaults filled in. */
export interface LaunchSpec {
  image: Image
  type: InstanceType
  subnet: Subnet
  groups: SecurityGroup[]
  publicAddress: boolean
  interfaceDescription: string
  deleteInterface: boolean
  rootVolume: VolumeSpec
  userData: Uint8Array | undefined
  shutdownBehavior: 'stop' | 'terminate'
  metadata: MetadataOptions
  ebsOptimized: boolean
  clientToken: string
  tags: { instance: Tags; volume: Tags; 'network-interface': Tags }
}

type Facts = Pick<
  LaunchSpec,
  | 'image'
  | 'type'
  | 'subnet'
  | 'shutdownBehavior'
  | 'metadata'
  | 'ebsOptimized'
  | 'clientToken'
  | 'userData'
>

export interface Instance extends Resource, Readonly<Facts> {
  readonly reservationId: string
  readonly launchIndex: number
  readonly launchTime: Date
  readonly machine: Machine
  readonly volumes: Volume[]
  networkInterface: NetworkInterface | undefined
  state: InstanceState
  /** By whom it was ended and when, in EC2's words; empty for all other instances. */
  transitionReason: string
  stateReason: { code: string; message: string } | undefined
}

const reasons = {
  user: { code: 'Client.UserInitiatedShutdown', message: 'User initiated shutdown' },
  instance: { code: 'Client.InstanceInitiatedShutdown', message: 'Instance initiated shutdown' },
  failed: { code: 'Server.InternalError', message: 'Internal error on launch' },
} as const

/** Where a machine that shares its address with others is reached. EC2's API has no field for it. */
const sshPortTag = 'local-ec2:ssh-port'

export function launch(
  world: World,
  spec: LaunchSpec,
  { reservationId, launchIndex }: { reservationId: string; launchIndex: number },
): Instance {
  const { image, subnet, tags } = spec
  const id = newId('i')
  const machine = world.machines.create(
    { instanceId: id, hostname: id, defaultUser: image.defaultUser },
    { cidr: formatCidr(subnet.cidr) },
  )
  const time = new Date(Math.floor(Date.now() / 1000) * 1000)
  const owner = { instanceId: id, subnet, time }
  const networkInterface = createInterface(
    world,
    {
      groups: spec.groups,
      privateIp: machine.privateIp,
      publicIp: undefined,
      description: spec.interfaceDescription,
      deleteOnTermination: spec.deleteInterface,
    },
    { ...owner, tags: new Map(tags['network-interface']) },
  )
  const instance: Instance = {
    ...world.stamp(),
    id,
    tags: new Map(tags.instance),
    reservationId,
    launchIndex,
    launchTime: time,
    image,
    type: spec.type,
    subnet,
    shutdownBehavior: spec.shutdownBehavior,
    metadata: spec.metadata,
    ebsOptimized: spec.ebsOptimized,
    clientToken: spec.clientToken,
    userData: spec.userData,
    machine,
    volumes: [createVolume(world, spec.rootVolume, { ...owner, tags: new Map(tags.volume) })],
    networkInterface,
    state: 'pending',
    transitionReason: '',
    stateReason: undefined,
  }
  if (machine.sshPort !== 22) instance.tags.set(sshPortTag, String(machine.sshPort))
  world.instances.set(id, instance)

  const power = machine.boot(factsOf(world, instance, networkInterface))
  if (spec.publicAddress) networkInterface.publicIp = power.publicIp
  void power.running.then(() => {
    if (instance.state === 'pending') instance.state = 'running'
  })
  void power.off.then((end) => machineEnded(world, instance, end))
  return instance
}

/** Begins the end; it is over when the machine is off. Does nothing to one that has ended. */
export function terminate(world: World, instance: Instance): void {
  if (instance.state === 'terminated' || instance.state === 'shutting-down') return
  const stopped = instance.state === 'stopped'
  instance.state = 'shutting-down'
  instance.stateReason = worded('user')
  instance.transitionReason = `User initiated (${gmt(new Date())})`
  if (stopped) becomeTerminated(world, instance)
  else void instance.machine.powerOff()
}

function machineEnded(world: World, instance: Instance, { reason, detail }: MachineEnd): void {
  if (instance.state === 'terminated') return
  // Asked for by a user, and already said so; how the machine took it does not matter any more.
  if (instance.state !== 'shutting-down') {
    if (reason === 'failed') instance.stateReason = worded('failed', detail)
    if (reason === 'poweroff') instance.stateReason = worded('instance')
    if (reason === 'poweroff' && instance.shutdownBehavior === 'stop') {
      instance.state = 'stopped'
      if (instance.networkInterface !== undefined) instance.networkInterface.publicIp = undefined
      return
    }
  }
  becomeTerminated(world, instance)
}

/** What the machine can learn about itself. */
function factsOf(
  { accountId }: World,
  instance: Instance,
  { id, macAddress, groups }: NetworkInterface,
): MachineFacts {
  const { userData, metadata, subnet, image, type, tags } = instance
  return {
    userData,
    keyPairs: [],
    metadata: { ...metadata, instanceTags: 'disabled' },
    accountId,
    region,
    zone: subnet.zone,
    imageId: image.id,
    instanceType: type.name,
    architecture: image.architecture,
    reservationId: instance.reservationId,
    launchIndex: instance.launchIndex,
    launchTime: instance.launchTime,
    macAddress,
    interfaceId: id,
    securityGroups: groups,
    vpc: { id: subnet.vpc.id, cidr: formatCidr(subnet.vpc.cidr) },
    subnet: { id: subnet.id, cidr: formatCidr(subnet.cidr) },
    tags,
  }
}

/** It stays visible, as on EC2, but holds nothing any more. */
function becomeTerminated(world: World, instance: Instance): void {
  instance.machine.discard()
  instance.state = 'terminated'
  const { volumes, networkInterface } = instance
  release(world, networkInterface === undefined ? volumes : [...volumes, networkInterface])
  instance.volumes.length = 0
  instance.networkInterface = undefined
}

function worded(reason: keyof typeof reasons, detail?: string): { code: string; message: string } {
  const { code, message } = reasons[reason]
  return { code, message: [code, message, detail].filter(Boolean).join(': ') }
}

function gmt(date: Date): string {
  return date.toISOString().replace('T', ' ').replace(/\..*/, ' GMT')
}
