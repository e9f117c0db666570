/** A real endpoint with real machines, and ways to meddle with what happens between it and us. */
import { once } from 'node:events'
import net from 'node:net'

import {
  DescribeInstancesCommand,
  DescribeSecurityGroupsCommand,
  EC2Client,
  type Instance as Ec2Instance,
} from '@aws-sdk/client-ec2'

import { openMachineHost } from '../../local-ec2/src/machine/host.ts'
import type { Machine, MachineFacts } from '../../local-ec2/src/machine/machine.ts'
import { machineOf } from '../../local-ec2/src/options.ts'
import { type LocalEc2, serve } from '../../local-ec2/src/server.ts'
import type { LocalTarget } from '../src/ec2/clients.ts'

/** Whose architecture a local machine has. */
export const type: string = process.arch === 'arm64' ? 'm7g.large' : 'm7i.large'

/** An endpoint whose machines get other user-data than was sent, as a hostile or broken cloud would give them. */
export async function startMeddledEc2(
  meddle: (userData: Uint8Array | undefined) => Uint8Array | undefined,
): Promise<LocalEc2> {
  const host = await openMachineHost(machineOf())
  return serve({
    kind: host.kind,
    cidr: host.cidr,
    isolation: host.isolation,
    create(request, range): Machine {
      const machine = host.create(request, range)
      const boot = machine.boot.bind(machine)
      return Object.assign(machine, {
        boot: (facts: MachineFacts) => boot({ ...facts, userData: meddle(facts.userData) }),
      })
    },
    close: () => host.close(),
  })
}

/** Asks the endpoint without any code of ours in between. */
export async function instancesAt(target: LocalTarget): Promise<Ec2Instance[]> {
  const client = new EC2Client(target)
  try {
    const { Reservations = [] } = await client.send(new DescribeInstancesCommand({}))
    return Reservations.flatMap((reservation) => reservation.Instances ?? [])
  } finally {
    client.destroy()
  }
}

/** What the account holds besides what it came with, asked as somebody who may do everything. */
export async function leftAt(local: LocalEc2): Promise<(string | undefined)[]> {
  const admin = new EC2Client(local)
  const { SecurityGroups = [] } = await admin.send(new DescribeSecurityGroupsCommand({}))
  admin.destroy()
  const instances = (await instancesAt(local)).filter(({ State }) => State?.Name !== 'terminated')
  return [
    ...instances.map(({ InstanceId }) => InstanceId),
    ...SecurityGroups.flatMap(({ GroupName }) => (GroupName === 'default' ? [] : [GroupName])),
  ]
}

/** Resolves when the endpoint shows the instance as terminated, with how and when. */
export async function terminated(target: LocalTarget, id: string): Promise<Ec2Instance> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- EC2 has no event for it
    const instance = (await instancesAt(target)).find((found) => found.InstanceId === id)
    if (instance?.State?.Name === 'terminated') return instance
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export interface Cable extends AsyncDisposable {
  readonly target: LocalTarget
  /** From now on the endpoint cannot be reached. */
  cut(): void
  /** From now on it can be reached again. */
  mend(): Promise<void>
}

/** The same endpoint through a connection that can be cut. */
export async function cableTo(target: LocalTarget): Promise<Cable> {
  const { port } = new URL(target.endpoint)
  const sockets = new Set<net.Socket>()
  const server = net.createServer((near) => {
    const far = net.connect(Number(port), '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => sockets.delete(from))
      from.pipe(to)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const own = typeof address === 'object' && address ? address.port : 0
  const cut = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return {
    target: {
      endpoint: `http://127.0.0.1:${own}`,
      region: target.region,
      credentials: target.credentials,
    },
    cut,
    mend: async () => {
      server.listen(own, '127.0.0.1')
      await once(server, 'listening')
    },
    [Symbol.asyncDispose]: async () => cut(),
  }
}
