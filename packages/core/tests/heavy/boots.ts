/** Boots with the user-data that core sends, and what is seen of them from outside. */
import type { ImageSystem, MachineHost } from '../../../local-ec2/src/machine/machine.ts'
import { boot, type Booted, request } from '../../../local-ec2/tests/machine/bench-kit.ts'
import { userData } from '../../src/boot/user-data.ts'
import type { ReadPart } from '../../src/boot/user-parts.ts'
import { fingerprint, privateText, publicBlob } from '../../src/keys/openssh.ts'
import { generateKeyPair, type KeyPair } from '../../src/keys/pair.ts'
import type { SshTarget } from '../../src/ssh/connection.ts'

export interface Sent {
  readonly hostKey: KeyPair
  readonly clientKey: KeyPair
  readonly userData: Uint8Array
}

/** What core makes for one launch, with `parts` of its caller. */
export function whatCoreSends(...parts: readonly ReadPart[]): Sent {
  const hostKey = generateKeyPair()
  const clientKey = generateKeyPair()
  const hour = 3_600_000
  const limits = { graceMs: hour, ttlMs: hour, deadline: Date.now() + hour }
  return {
    hostKey,
    clientKey,
    userData: userData({ hostKey, clientKey: clientKey.publicKey, limits, parts }),
  }
}

/** `ours`, or the fingerprint of another one. */
export function nameOf(hostKey: string | undefined, ours: KeyPair): string {
  if (hostKey === undefined) return 'none'
  return hostKey === fingerprint(publicBlob(ours.publicKey)) ? 'ours' : hostKey
}

/** What `connect()` is told of it. */
export function targetOf(machine: Booted, hostKey: KeyPair, clientKey: KeyPair): SshTarget {
  return {
    host: machine.publicIp,
    port: machine.sshPort,
    user: 'admin',
    privateKey: privateText(clientKey, ''),
    hostKey: publicBlob(hostKey.publicKey),
  }
}

/** A machine that boots with what core sends. */
export function bootWithUs(
  host: MachineHost,
  system: ImageSystem,
): { machine: Booted; sent: Sent } {
  const sent = whatCoreSends()
  return { machine: boot(host, { ...request(sent.userData), system }), sent }
}

/** A machine that is gone, with its disk, when `work` is done with it. */
export async function withMachine<T>(
  host: MachineHost,
  order: { system: ImageSystem; userData: Uint8Array | string; keyPair?: string },
  work: (machine: Booted) => Promise<T>,
): Promise<T> {
  const asked = request(order.userData)
  const keyPairs = order.keyPair === undefined ? [] : [{ name: 'client', publicKey: order.keyPair }]
  const facts = { ...asked.facts, keyPairs }
  const machine = boot(host, { ...asked, system: order.system, facts })
  try {
    return await work(machine)
  } finally {
    await machine.powerOff()
    machine.discard()
  }
}

/** `work` as often as that, as many at once as that. */
export async function manyTimes<T>(
  times: number,
  atOnce: number,
  work: () => Promise<T>,
): Promise<T[]> {
  const results: T[] = []
  let begun = 0
  const worker = async (): Promise<void> => {
    while (begun++ < times) results.push(await work())
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}
