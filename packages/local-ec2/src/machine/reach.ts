/** The way from this computer to its machines, in the two forms that privileges allow. */
import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type Server, createServer } from 'node:net'
import { promisify } from 'node:util'

import { LocalEc2Error } from '../errors.ts'
import {
  AddressPool,
  addressIn,
  isInUse,
  networkCount,
  type Network,
  networkOf,
} from './addresses.ts'
import type { Fabric } from './fabric.ts'
import type { Wiring } from './fabric/protocol.ts'

export interface Reach {
  /** Where private addresses come from. */
  readonly cidr: string
  readonly sshPort: number
  /** Whether machines cannot open connections to this computer, nor speak in each other's name. */
  readonly guarded: boolean
  /** Whether a public address is the machine's own, which the fabric leads to it. */
  readonly routed: boolean
  /** Addresses that machines are reached at from here. */
  readonly addresses: AddressPool
  /** Lets connections through, once there is somebody to take them. */
  open(publicIp: string, privateIp: string): Promise<void>
  close(publicIp: string): void
  closeAll(): Promise<void>
}

const exec = promisify(execFile)

/**
 * As root: a veth pair whose one end is here and whose other end is the machines' router. Each machine has a
 * public address of its own, and port 22. The kernel removes the pair when the namespace of the other end goes.
 */
export async function openUplink(
  start: (wire: (pid: number) => Promise<Wiring>) => Promise<Fabric>,
): Promise<{ fabric: Fabric; reach: Reach }> {
  let link: Link | undefined
  const fabric = await start(async (pid) => {
    link = await makePair(pid)
    return wiringOf(link.network)
  })
  if (link === undefined) throw new TypeError('the fabric started without its link')
  const { network, number } = link
  const { cidr, publicCidr } = network
  const reach: Reach = {
    cidr,
    sshPort: 22,
    guarded: fabric.guarded,
    routed: true,
    addresses: new AddressPool(publicCidr),
    async open() {},
    close() {},
    async closeAll() {
      // Without this it would go too, but some time after everyone was told that it has.
      // By its number: by now the name may be another endpoint's.
      await exec('ip', ['link', 'delete', `if${number}`]).catch(() => {})
    },
  }
  return { fabric, reach }
}

function wiringOf({ cidr, publicCidr }: Network): Wiring {
  return {
    cidr,
    router: addressIn(cidr, 1),
    uplink: { cidr: publicCidr, here: addressIn(publicCidr, 1), there: addressIn(publicCidr, 2) },
  }
}

interface Link {
  network: Network
  /** The kernel's for this end of it, never used twice. */
  number: number
}

async function makePair(pid: number): Promise<Link> {
  for (let index = 0; index < networkCount; index++) {
    const network = networkOf(index)
    if (isInUse(network)) continue
    const name = `bw${index}`
    const pair = ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'uplink']
    const made = await exec('ip', [...pair, 'netns', String(pid)]).catch((error: unknown) => {
      // Another endpoint took the name meanwhile; anything else is no reason to try the next.
      if (!String(error).includes('File exists')) throw error
      return undefined
    })
    if (made === undefined) continue
    const { here, there } = wiringOf(network).uplink ?? { here: '', there: '' }
    // No IPv6 address by itself, which would be a second way in. A kernel without IPv6 refuses the question.
    await exec('ip', ['link', 'set', name, 'addrgenmode', 'none']).catch(() => {})
    await exec('ip', ['address', 'add', here, 'peer', `${there}/32`, 'dev', name])
    await exec('ip', ['link', 'set', name, 'up'])
    await exec('ip', ['route', 'add', network.publicCidr, 'via', there, 'dev', name])
    return { network, number: Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8')) }
  }
  throw new LocalEc2Error('NO_FREE_ADDRESS', 'every network of 198.18.0.0/15 is in use here')
}

const relayPort = 2222

/**
 * As an ordinary user: each machine has an address of 127/8 here, whose connections are accepted by this
 * process and handed to the fabric, which is inside. Nothing else leads in or out.
 */
export async function openRelay(
  start: (wire: () => Promise<Wiring>) => Promise<Fabric>,
): Promise<{ fabric: Fabric; reach: Reach }> {
  // Always the first: nobody else is in that namespace.
  const { cidr } = networkOf(0)
  // Before there is a fabric, which would live on without a way to it.
  const lock = createServer()
  const front = await lockNetwork(lock)
  const fabric = await start(async () => ({ cidr, router: addressIn(cidr, 1) })).catch(
    (error: unknown) => {
      lock.close()
      throw error
    },
  )
  const servers = new Map<string, Server>()
  const reach: Reach = {
    cidr,
    sshPort: relayPort,
    guarded: fabric.guarded,
    routed: false,
    addresses: new AddressPool(front),
    async open(publicIp, privateIp) {
      const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
        socket.on('error', () => {})
        fabric.tell({ type: 'join', address: privateIp }, socket)
      })
      servers.set(publicIp, server)
      server.listen(relayPort, publicIp)
      server.unref()
      await once(server, 'listening')
    },
    close(publicIp) {
      servers.get(publicIp)?.close()
      servers.delete(publicIp)
    },
    async closeAll() {
      for (const server of [lock, ...servers.values()]) server.close()
      servers.clear()
    },
  }
  return { fabric, reach }
}

/** Finds a /16 of 127/8 for one endpoint: whoever listens on its first address has all of it. */
async function lockNetwork(lock: Server): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const front = `127.${randomInt(1, 255)}.0`
    lock.listen(relayPort, `${front}.1`)
    try {
      await once(lock, 'listening')
      lock.unref()
      return `${front}.0/16`
    } catch {
      // Taken.
    }
  }
  throw new LocalEc2Error(
    'NO_FREE_ADDRESS',
    `nothing can listen on port ${relayPort} of 127.0.0.0/8`,
  )
}
