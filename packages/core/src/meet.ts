/** From a machine that EC2 has just launched to one that is verified and logged in to. */
import type { Instance as Ec2Instance } from '@aws-sdk/client-ec2'

import { firstContact } from './boot/dead-man.ts'
import type { Clients } from './ec2/clients.ts'
import type { FoundImage } from './ec2/image.ts'
import type { Arch } from './ec2/instance-type.ts'
import { addressed, watchForEnd, whyEnded } from './ec2/launch.ts'
import { BenchawayError } from './errors.ts'
import { connectionOf, Instance, sshTarget } from './instance.ts'
import { privateText } from './keys/openssh.ts'
import type { KeyPair } from './keys/pair.ts'
import { CommandError } from './ssh/command.ts'
import { type Connection, connect, type SshTarget } from './ssh/connection.ts'

export interface Meeting {
  readonly clients: Clients
  readonly type: string
  readonly arch: Arch
  readonly image: FoundImage
  readonly hostKey: KeyPair
  readonly clientKey: KeyPair
  /** What it is reached through. */
  readonly proxyJump: Instance | undefined
  readonly reconnectMs: number
  readonly requestMs: number
  /** When EC2 answered RunInstances, by `performance.now()`. */
  readonly answered: number
  readonly graceMs: number
  readonly signal: AbortSignal
  readonly log: (line: string) => void
  readonly terminate: (id: string) => Promise<void>
}

/** The tag that local-ec2 puts on a machine whose sshd is not on port 22, which EC2's API cannot say. */
const portTag = 'local-ec2:ssh-port'

/** @throws {BenchawayError} what keeps it from being used; the caller terminates it */
export async function meet(launched: Ec2Instance, meeting: Meeting): Promise<Instance> {
  const { clients, type, arch, image, hostKey, clientKey, requestMs, answered } = meeting
  const { graceMs, signal, log, terminate, proxyJump, reconnectMs } = meeting
  const id = launched.InstanceId ?? ''
  const isPublic = proxyJump === undefined
  const instance = await addressed(clients, id, { timeoutMs: graceMs, isPublic, signal })
  const bootMs = performance.now() - answered
  const port = instance.Tags?.find((tag) => tag.Key === portTag)?.Value
  const access = {
    id,
    type,
    arch,
    image: image.name,
    privateIp: instance.PrivateIpAddress ?? '',
    publicIp: instance.PublicIpAddress ?? '',
    port: isPublic && clients.target === 'local' && port !== undefined ? Number(port) : 22,
    user: image.user,
    hostKey: Buffer.from(hostKey.publicKey).toString('base64'),
    clientKey: privateText(clientKey, 'benchaway'),
    proxyJump: proxyJump?.access(),
  }
  log(`${type} ${id} runs at ${access.publicIp || access.privateIp} after ${seconds(bootMs)}`)

  const target = sshTarget(
    { ...access, timing: { requestMs, bootMs, connectMs: 0 } },
    proxyJump && connectionOf(proxyJump),
  )
  const connection = await connectWhileAlive(clients, id, target, {
    timeoutMs: graceMs,
    reconnectMs,
    signal,
  })
  const connectMs = performance.now() - answered - bootMs
  const ready = new Instance({ ...access, timing: { requestMs, bootMs, connectMs } }, connection, {
    terminate: () => terminate(id),
    whyEnded: () => whyEnded(clients, id),
    proxyJump,
  })
  try {
    await ready.exec(firstContact, { timeoutMs: 20_000, signal })
  } catch (error) {
    ready.disconnect()
    // A machine that is slow to answer says nothing about its switch.
    if (!(error instanceof CommandError) || error.code !== 'COMMAND_FAILED') throw error
    throw new BenchawayError(
      'DEAD_MAN_MISSING',
      `${id} runs without its dead-man switch, so it would not end by itself`,
      {
        hint: `Use an image with cloud-init and bash; ${image.name} seems to lack one.`,
        cause: error,
      },
    )
  }
  log(`${type} ${id} verified and logged in to after ${seconds(bootMs + connectMs)}`)
  return ready
}

/** A machine that ended will never answer, and EC2 knows of its end long before the deadline. */
async function connectWhileAlive(
  clients: Clients,
  id: string,
  target: SshTarget,
  { signal, ...options }: { timeoutMs: number; reconnectMs: number; signal: AbortSignal },
): Promise<Connection> {
  const over = new AbortController()
  const watch = watchForEnd(clients, id, over.signal)
  const connecting = connect(target, {
    ...options,
    signal: AbortSignal.any([signal, over.signal]),
  })
  try {
    return await Promise.race([connecting, watch.then(() => connecting)])
  } catch (error) {
    // It may have succeeded in the very moment in which the other failed.
    connecting.then(
      (connection) => connection.close(),
      () => undefined,
    )
    throw error
  } finally {
    over.abort()
    watch.catch(() => undefined)
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
