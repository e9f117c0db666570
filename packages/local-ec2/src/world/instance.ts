/** An instance, and what its launch asked for. */
import type { Machine, MachineFacts, Power } from '../machine/machine.ts'
import type { NetworkInterface, Volume, VolumeSpec } from './attachments.ts'
import type { Image } from './images.ts'
import type { InstanceType } from './instance-types.ts'
import type { KeyPair } from './key-pair.ts'
import type { Subnet } from './network.ts'
import type { Resource, Tags } from './resource.ts'
import type { SecurityGroup } from './security-group.ts'
import type { StateReason } from './state-reasons.ts'

/** As EC2 numbers them. */
export const stateCodes = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
} as const

export type InstanceState = keyof typeof stateCodes

type Switch = 'enabled' | 'disabled'

export interface MetadataOptions {
  httpTokens: 'optional' | 'required'
  httpEndpoint: Switch
  hopLimit: number
  instanceTags: Switch
  ipv6: Switch
}

/** What can be changed of an instance that exists. */
export interface Settings {
  type: InstanceType
  cpu: { cores: number; threadsPerCore: number }
  userData: Uint8Array | undefined
  shutdownBehavior: 'stop' | 'terminate'
  metadata: MetadataOptions
  ebsOptimized: boolean
  disableApiStop: boolean
  disableApiTermination: boolean
}

/** What is decided by the launch, for ever. */
interface Origin {
  image: Image
  subnet: Subnet
  /** Whether it gets a public address each time it is powered on. */
  publicAddress: boolean
  monitoring: boolean
  autoRecovery: 'default' | 'disabled'
  capacityReservation: 'open' | 'none'
  names: { hostnameType: 'ip-name' | 'resource-name'; aRecord: boolean; aaaaRecord: boolean }
  clientToken: string
}

/** All that RunInstances asks for, checked and with its defaults filled in. */
export interface LaunchSpec extends Readonly<Settings>, Readonly<Origin> {
  keyPair: KeyPair | undefined
  groups: SecurityGroup[]
  privateIp: string | undefined
  interfaceDescription: string
  rootVolume: VolumeSpec
  tags: { instance: Tags; volume: Tags; 'network-interface': Tags }
}

export interface Instance extends Resource, Settings, Readonly<Origin> {
  readonly reservationId: string
  readonly launchIndex: number
  /** As it was at the launch: the machine has the key for ever. */
  readonly keyPair: Pick<KeyPair, 'name' | 'publicKey'> | undefined
  readonly machine: Machine
  readonly volumes: Volume[]
  /** When it was first launched; never changes, unlike `launchTime`. */
  readonly created: Date
  /** When it was last powered on by a user. */
  launchTime: Date
  networkInterface: NetworkInterface | undefined
  state: InstanceState
  /** Whether its machine was ever up: then it has a disk worth keeping. */
  hasRun: boolean
  /** By whom it was ended and when, in EC2's words; empty for all other instances. */
  transitionReason: string
  stateReason: StateReason | undefined
  /** Set while EC2 has announced that it will take the machine away. */
  interruption: MachineFacts['interruption']
  power: Power | undefined
}
