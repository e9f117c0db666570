/** The endpoint as a whole: a world over machines, the wire to it, and their common end. */
import { once } from 'node:events'
import type { Server } from 'node:http'

import { handlersOf } from './actions/action.ts'
import { ec2Actions, stsActions } from './actions/index.ts'
import { LocalEc2Error } from './errors.ts'
import { FaultBook, type Faults } from './faults/faults.ts'
import { checkFaults } from './faults/read.ts'
import { createAuthority } from './identity/authority.ts'
import { createIdentities, type Identities } from './identity/identities.ts'
import { eventOf, type InstanceEvent } from './instance-event.ts'
import { checkConditions } from './link-conditions.ts'
import type { LinkConditions, MachineHost, MachineKind } from './machine/machine.ts'
import { openNoneHost } from './machine/none.ts'
import { checkOptions, type LocalEc2Options, type MachineChoice, machineOf } from './options.ts'
import { createListener } from './query/listener.ts'
import { ec2Service, stsService } from './query/service.ts'
import type { Instance } from './world/instance.ts'
import { region } from './world/network.ts'
import { createWorld, type World } from './world/world.ts'

/** A running endpoint. Disposing of it is `close()`. */
export interface LocalEc2 extends Identities, AsyncDisposable {
  /** For the SDK's `endpoint` or `AWS_ENDPOINT_URL`; EC2 and STS are both there. */
  readonly endpoint: string
  readonly region: string
  readonly machine: MachineKind
  /** One line for people: what keeps a machine from harming this computer. */
  readonly isolation: string
  /** What goes wrong on purpose. */
  readonly faults: Faults
  /**
   * Hears of every instance that comes, goes or changes its state, from now on.
   *
   * @returns what ends that
   */
  onInstance(listener: (event: InstanceEvent) => void): () => void
  /**
   * Resolves when the way between that instance and everything else is so, in place of what it was; `{}` is as it was at
   * first. Outlasts a reboot and ends when the instance stops.
   *
   * @throws {LocalEc2Error} `LINK_INVALID`, also for an instance that is not there or not powered; `MACHINE_UNAVAILABLE`
   * where this computer lacks what it takes
   */
  link(instanceId: string, conditions: LinkConditions): Promise<void>
  /** Powers every machine off; resolves when nothing is left. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Starts an EC2 and STS endpoint on 127.0.0.1, with an account that is empty but for its default VPC.
 *
 * @throws {LocalEc2Error} `OPTION_INVALID`, `PORT_UNAVAILABLE`, `FAULT_INVALID`, `POLICY_INVALID`, or why this computer does not allow machines of that kind
 */
export async function startLocalEc2(options: LocalEc2Options = {}): Promise<LocalEc2> {
  const { port = 0, faults = [], policy } = options
  checkOptions(options)
  const machine = machineOf(options.machine)
  checkFaults(faults, 'faults')
  const host = await openHost(machine)
  try {
    return await serve(host, { port, faults, ...(policy !== undefined && { policy }) })
  } catch (error) {
    await host.close()
    throw error
  }
}

async function openHost(machine: MachineChoice): Promise<MachineHost> {
  if (machine === 'none') return openNoneHost()
  // What boots a machine is not wanted by those who only talk to the control plane.
  const { openMachineHost } = await import('./machine/host.ts')
  return openMachineHost(machine)
}

/** Over a host that the caller opened, and that closes with the endpoint. */
export async function serve(
  host: MachineHost,
  {
    port = 0,
    faults: given = [],
    policy,
    requestTimeoutMs,
  }: Pick<LocalEc2Options, 'port' | 'faults' | 'policy'> & { requestTimeoutMs?: number } = {},
): Promise<LocalEc2> {
  const world = createWorld(host)
  const faults = new FaultBook(world)
  for (const fault of given) faults.add(fault)
  const { directory } = world
  const identities = createIdentities(directory, policy, () => world.now())
  const authority = createAuthority(directory.seal)
  const listener = createListener({
    services: [
      ec2Service(faults.around(handlersOf(ec2Actions, world, authority))),
      stsService(faults.around(handlersOf(stsActions, world, authority))),
    ],
    region,
    now: () => world.now(),
    credentialOf: (id) => directory.find(id),
    ...(requestTimeoutMs !== undefined && { requestTimeoutMs }),
  })
  await listen(listener, port)

  let closing: Promise<void> | undefined
  async function close(): Promise<void> {
    faults.close()
    const closed = once(listener, 'close')
    listener.close()
    listener.closeAllConnections()
    // No machine may be launched while the others are being powered off.
    await closed
    await host.close()
  }
  const closeOnce = (): Promise<void> => (closing ??= close())
  return {
    endpoint: `http://127.0.0.1:${portOf(listener.address())}`,
    region,
    ...identities,
    machine: host.kind,
    isolation: host.isolation,
    faults,
    onInstance(tell) {
      const watch = (instance: Instance): void => {
        const event = eventOf(instance)
        // Later: what a listener throws is not the world's to deal with.
        queueMicrotask(() => tell(event))
      }
      world.watchers.add(watch)
      return () => world.watchers.delete(watch)
    },
    async link(instanceId, conditions) {
      checkConditions(conditions)
      await linkedInstance(world, instanceId).machine.link(conditions)
    },
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  }
}

/** @throws {LocalEc2Error} `LINK_INVALID` */
function linkedInstance(world: World, id: string): Instance {
  const instance = world.instances.get(id)
  if (instance === undefined) {
    throw new LocalEc2Error('LINK_INVALID', `there is no instance ${id}`)
  }
  if (instance.power === undefined) {
    throw new LocalEc2Error('LINK_INVALID', `instance ${id} is ${instance.state}: it has no link`)
  }
  return instance
}

async function listen(listener: Server, port: number): Promise<void> {
  listener.listen(port, '127.0.0.1')
  try {
    await once(listener, 'listening')
  } catch (cause) {
    const code = isSystemError(cause) ? cause.code : undefined
    const why = code === 'EADDRINUSE' ? 'is taken' : `cannot be listened on: ${String(cause)}`
    throw new LocalEc2Error('PORT_UNAVAILABLE', `port ${port} on 127.0.0.1 ${why}`, {
      hint: 'Take another port, or 0 for any that is free.',
      cause,
    })
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error
}

function portOf(address: ReturnType<Server['address']>): number {
  if (address === null || typeof address === 'string') throw new TypeError('not listening on TCP')
  return address.port
}
