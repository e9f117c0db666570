/** The way from this computer to its machines, in the two forms that privileges allow. */
import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { type Server, createServer } from 'node:net'
import { promisify } from 'node:util'

import { LocalEc2Error } from '../errors.ts'
import { isInUse, networkCount, networkName } from './addresses.ts'
import type { Fabric } from './fabric.ts'

export interface Reach {
  /** The first three numbers of the machines' network. */
  readonly network: string
  readonly sshPort: number
  /** Whether machines cannot open connections to this computer. */
  readonly guarded: boolean
  publicIp(number: number): string
  open(number: number, address: string): void
  close(number: number): void
  closeAll(): Promise<void>
}

const exec = promisify(execFile)

/**
 * As root: a veth pair whose one end is here. Each machine has its own address and port 22.
 * The kernel removes the pair when the namespace of the other end goes.
 */
export async function openUplink(
  start: (makePair: (pid: number) => Promise<void>) => Promise<Fabric>,
): Promise<{ fabric: Fabric; reach: Reach }> {
  let index = -1
  const fabric = await start(async (pid) => {
    index = await makePair(pid)
  })
  const network = networkName(index)
  const reach: Reach = {
    network,
    sshPort: 22,
    guarded: fabric.guarded,
    publicIp: (number) => `${network}.${number}`,
    open() {},
    close() {},
    async closeAll() {
      // Without this it would go too, but some time after everyone was told that it has.
      await exec('ip', ['link', 'delete', `bw${index}`]).catch(() => {})
    },
  }
  return { fabric, reach }
}

async function makePair(pid: number): Promise<number> {
  for (let index = 0; index < networkCount; index++) {
    const network = networkName(index)
    if (isInUse(network)) continue
    const name = `bw${index}`
    const pair = ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'uplink']
    const made = await exec('ip', [...pair, 'netns', String(pid)]).catch((error: unknown) => {
      // Another endpoint took the name meanwhile; anything else is no reason to try the next.
      if (!String(error).includes('File exists')) throw error
      return undefined
    })
    if (made === undefined) continue
    // No IPv6 address by itself, which would be a second way in. A kernel without IPv6 refuses the question.
    await exec('ip', ['link', 'set', name, 'addrgenmode', 'none']).catch(() => {})
    await exec('ip', ['address', 'add', `${network}.1/24`, 'dev', name])
    await exec('ip', ['link', 'set', name, 'up'])
    return index
  }
  throw new LocalEc2Error('NO_FREE_ADDRESS', 'every network of 198.18.0.0/15 is in use here')
}

const relayPort = 2222

/**
 * As an ordinary user: each machine has an address of 127/8 here, whose connections are accepted by this
 * process and handed to the fabric, which is inside. Nothing else leads in or out.
 */
export async function openRelay(
  start: (address: string) => Promise<Fabric>,
): Promise<{ fabric: Fabric; reach: Reach }> {
  // Always the first: nobody else is in that namespace.
  const network = networkName(0)
  const fabric = await start(`${network}.1/24`)
  const lock = createServer()
  const front = await lockNetwork(lock)
  const servers = new Map<number, Server>()
  const reach: Reach = {
    network,
    sshPort: relayPort,
    guarded: true,
    publicIp: (number) => `${front}.${number}`,
    open(number, address) {
      const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
        socket.on('error', () => {})
        fabric.tell({ type: 'join', address }, socket)
      })
      server.listen(relayPort, `${front}.${number}`)
      server.unref()
      servers.set(number, server)
    },
    close(number) {
      servers.get(number)?.close()
      servers.delete(number)
    },
    async closeAll() {
      for (const server of [lock, ...servers.values()]) server.close()
      servers.clear()
    },
  }
  return { fabric, reach }
}

/** Finds a /24 of 127/8 for one endpoint: whoever listens on its first address has all of it. */
async function lockNetwork(lock: Server): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const front = `127.${randomInt(1, 255)}.${randomInt(0, 256)}`
    lock.listen(relayPort, `${front}.1`)
    try {
      await once(lock, 'listening')
      lock.unref()
      return front
    } catch {
      // Taken.
    }
  }
  throw new LocalEc2Error(
    'NO_FREE_ADDRESS',
    `nothing can listen on port ${relayPort} of 127.0.0.0/8`,
  )
}
