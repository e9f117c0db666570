import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import {
  type Instance as Ec2Instance,
  RunInstancesCommand,
  type RunInstancesCommandOutput,
} from '@aws-sdk/client-ec2'

import { BenchawayError, messageOf } from '../errors.ts'
import { awsCode, call } from './call.ts'
import type { Clients } from './clients.ts'
import type { FoundImage } from './image.ts'
import { asInstanceType } from './instance-type.ts'
import { describeInstances, hasEnded } from './machines.ts'
import { pollUntil } from './poll.ts'
import { type RunTags, tagSpecifications } from './tags.ts'
import { isOutOfCapacity } from './tries.ts'

export interface RunRequest {
  readonly type: string
  readonly count: number
  readonly image: FoundImage
  readonly volumeGib: number | undefined
  readonly securityGroup: string
  readonly hasPublicAddress: boolean
  readonly userData: Uint8Array
  readonly tags: RunTags
  /** How long to go on asking when no answer comes back, in milliseconds. */
  readonly patienceMs: number
}

/** One call for all of `count`: EC2 launches all of them or none. */
export async function runInstances(clients: Clients, request: RunRequest): Promise<Ec2Instance[]> {
  const { type, count, image, volumeGib, securityGroup, userData, tags, patienceMs } = request
  const { hasPublicAddress } = request
  const command = new RunInstancesCommand({
    // The SDK repeats a request whose answer was lost; with one token EC2 launches once.
    ClientToken: randomUUID(),
    MinCount: count,
    MaxCount: count,
    ImageId: image.id,
    InstanceType: asInstanceType(type),
    UserData: Buffer.from(userData).toString('base64'),
    // Power-off from inside, which is all that the dead-man switch can do, must end the machine for good.
    InstanceInitiatedShutdownBehavior: 'terminate',
    MetadataOptions: {
      HttpTokens: 'required',
      HttpEndpoint: 'enabled',
      HttpPutResponseHopLimit: 1,
    },
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        AssociatePublicIpAddress: hasPublicAddress,
        DeleteOnTermination: true,
        Groups: [securityGroup],
      },
    ],
    BlockDeviceMappings: [
      {
        DeviceName: image.rootDevice,
        Ebs: {
          DeleteOnTermination: true,
          Encrypted: true,
          VolumeType: 'gp3',
          ...(volumeGib === undefined ? {} : { VolumeSize: volumeGib }),
        },
      },
      // Those of an image that was made from a machine would stay, and nobody would delete them.
      ...image.otherDevices.map((device) => ({
        DeviceName: device,
        Ebs: { DeleteOnTermination: true },
      })),
    ],
    TagSpecifications: tagSpecifications(tags, ['instance', 'volume', 'network-interface']),
  })
  let silence: unknown
  const ask = (): Promise<RunInstancesCommandOutput | undefined> =>
    call('RunInstances', clients, () => clients.ec2.send(command)).catch((error: unknown) => {
      if (!(error instanceof BenchawayError && error.code === 'ENDPOINT_UNREACHABLE'))
        throw refusal(clients, request, error)
      silence = error
      return undefined
    })
  // Whether there are machines now is not known before EC2 has answered this very request.
  const answer = await pollUntil(ask, { timeoutMs: patienceMs })
  if (answer === undefined) throw silence
  const launched = answer.Instances ?? []
  if (launched.length !== count) {
    throw new BenchawayError('AWS_REFUSED', `RunInstances launched ${launched.length} of ${count}`)
  }
  return launched
}

function refusal(clients: Clients, { type, image }: RunRequest, error: unknown): unknown {
  if (clients.target === 'local' && awsCode(error) === 'Unsupported') {
    if (image.arch === process.arch) {
      return new BenchawayError('AWS_REFUSED', messageOf(error), {
        hint: 'Launch another image, or choose other local machines with BENCHAWAY_MACHINE.',
        cause: error,
      })
    }
    return new BenchawayError(
      'ARCHITECTURE_UNAVAILABLE',
      `${type} cannot run on this computer, whose processors are ${process.arch}`,
      {
        hint: `With target 'local' name types with ${process.arch === 'arm64' ? 'Graviton processors, such as m7g.large' : 'x86 processors, such as m7i.large'}.`,
        cause: error,
      },
    )
  }
  if (isOutOfCapacity(error)) {
    return new BenchawayError('NO_CAPACITY', messageOf(error), {
      hint: 'Use another type or region, or try again later.',
      cause: error,
    })
  }
  return error
}

/**
 * Resolves once the machine runs under its address, which is before sshd listens. Earlier nothing is there that
 * would answer, and a connection that loses its first packet waits a second.
 *
 * @throws {BenchawayError} `INSTANCE_ENDED` with EC2's reason
 */
export async function addressed(
  clients: Clients,
  id: string,
  options: { timeoutMs: number; isPublic: boolean; signal?: AbortSignal | undefined },
): Promise<Ec2Instance> {
  let state: string | undefined
  const found = await pollUntil(async () => {
    const instance = await look(clients, id)
    state = instance?.State?.Name
    const address = options.isPublic ? instance?.PublicIpAddress : instance?.PrivateIpAddress
    return state === 'running' && address !== undefined ? instance : undefined
  }, options)
  if (found) return found
  if (state !== 'running') {
    throw new BenchawayError(
      'SSH_UNREACHABLE',
      `${id} is ${state ?? 'unknown to EC2'} after ${options.timeoutMs / 1000} s, not running`,
      { hint: 'Launch again: EC2 did not start this one.' },
    )
  }
  throw new BenchawayError(
    'SSH_UNREACHABLE',
    `${id} did not run under a public address within ${options.timeoutMs / 1000} s`,
    { hint: 'Check that the default subnets of the region give public addresses.' },
  )
}

/**
 * Rejects with `INSTANCE_ENDED` when the machine ends; otherwise waits until `signal` aborts and resolves. EC2 not
 * answering says nothing about the machine.
 */
export async function watchForEnd(
  clients: Clients,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const ask = (): Promise<undefined> =>
    look(clients, id).then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof BenchawayError && error.code === 'INSTANCE_ENDED') throw error
        return undefined
      },
    )
  await pollUntil(ask, { timeoutMs: Number.POSITIVE_INFINITY, signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}

async function look(clients: Clients, id: string): Promise<Ec2Instance | undefined> {
  const [instance] = await describeInstances(clients, { ids: [id] }).catch((error: unknown) => {
    // What was just launched may be unknown for some seconds: EC2 is eventually consistent.
    if (awsCode(error) === 'InvalidInstanceID.NotFound') return []
    throw error
  })
  if (instance && hasEnded(instance)) {
    throw new BenchawayError(
      'INSTANCE_ENDED',
      `${id} ended before it could be used: ${reasonOf(instance)}`,
      { hint: 'Look at its console output in the EC2 console.' },
    )
  }
  return instance
}

/** Why a machine ended, in EC2's words; undefined when it has not, as far as EC2 tells within seconds. */
export async function whyEnded(clients: Clients, id: string): Promise<string | undefined> {
  const ask = async (): Promise<string | undefined> => {
    const [instance] = await describeInstances(clients, { ids: [id] })
    return instance && hasEnded(instance) ? reasonOf(instance) : undefined
  }
  // One that powers itself off is gone a moment before EC2 says so.
  const answer = pollUntil(ask, { timeoutMs: 1000 }).catch(() => undefined)
  return Promise.race([answer, sleep(5000, undefined, { ref: false })])
}

function reasonOf({ StateReason, StateTransitionReason }: Ec2Instance): string {
  return StateReason?.Message ?? StateTransitionReason ?? 'no reason given'
}
