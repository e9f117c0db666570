/** The endpoint as a whole: a world over machines, the wire to it, and their common end. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'

import { handlersOf } from './actions/action.ts'
import { ec2Actions, stsActions } from './actions/index.ts'
import type { MachineHost, MachineKind } from './machine/machine.ts'
import { openNoneHost } from './machine/none.ts'
import { createListener } from './query/listener.ts'
import { ec2Service, stsService } from './query/service.ts'
import { region } from './world/network.ts'
import { createWorld } from './world/world.ts'

export interface LocalEc2Options {
  /**
   * What instances are made of; `auto` takes the best that this computer allows.
   * @default 'auto'
   */
  machine?: MachineKind | 'auto'
  /**
   * The TCP port on 127.0.0.1; 0 for any that is free.
   * @default 0
   */
  port?: number
}

/** A running endpoint. Disposing of it is `close()`. */
export interface LocalEc2 extends AsyncDisposable {
  /** For the SDK's `endpoint` or `AWS_ENDPOINT_URL`; EC2 and STS are both there. */
  readonly endpoint: string
  readonly region: string
  /** The only ones it takes; made for this endpoint and worthless anywhere else. */
  readonly credentials: Readonly<{ accessKeyId: string; secretAccessKey: string }>
  readonly machine: MachineKind
  /** One line for people: what keeps a machine from harming this computer. */
  readonly isolation: string
  /** Powers every machine off; resolves when nothing is left. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Starts an EC2 and STS endpoint on 127.0.0.1, with an account that is empty but for its default VPC.
 *
 * @throws when the port is taken, or when this computer does not allow machines of that kind
 */
export async function startLocalEc2(options: LocalEc2Options = {}): Promise<LocalEc2> {
  const { machine = 'auto', port = 0 } = options
  const host = await openHost(machine)
  try {
    return await serve(host, { port })
  } catch (error) {
    await host.close()
    throw error
  }
}

async function openHost(machine: MachineKind | 'auto'): Promise<MachineHost> {
  if (machine === 'none') return openNoneHost()
  // What boots a machine is not wanted by those who only talk to the control plane.
  const { openMachineHost } = await import('./machine/host.ts')
  return openMachineHost(machine)
}

/** Over a host that the caller opened, and that closes with the endpoint. */
export async function serve(
  host: MachineHost,
  { port = 0, requestTimeoutMs }: { port?: number; requestTimeoutMs?: number } = {},
): Promise<LocalEc2> {
  const world = createWorld(host)
  const credentials = {
    // Longer than AWS's and without its prefix: no scanner and no person takes it for a real one.
    accessKeyId: 'LOCAL-EC2-NOT-AN-AWS-KEY',
    secretAccessKey: randomBytes(30).toString('base64url'),
  }
  const listener = createListener({
    services: [
      ec2Service(handlersOf(ec2Actions, world)),
      stsService(handlersOf(stsActions, world)),
    ],
    region,
    secretOf: (id) => (id === credentials.accessKeyId ? credentials.secretAccessKey : undefined),
    ...(requestTimeoutMs !== undefined && { requestTimeoutMs }),
  })
  listener.listen(port, '127.0.0.1')
  await once(listener, 'listening')

  let closing: Promise<void> | undefined
  async function close(): Promise<void> {
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
    credentials,
    machine: host.kind,
    isolation: host.isolation,
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  }
}

function portOf(address: ReturnType<ReturnType<typeof createListener>['address']>): number {
  if (address === null || typeof address === 'string') throw new TypeError('not listening on TCP')
  return address.port
}
