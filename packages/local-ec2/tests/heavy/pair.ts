/** A machine of each image, booted once for all that is asked of machines of a kind. */
import { openMachineHost } from '../../src/machine/host.ts'
import type { ImageSystem, MachineHost } from '../../src/machine/machine.ts'
import {
  boot,
  type Booted,
  cloudConfig,
  finished,
  type Keys,
  login,
  makeKeys,
  type Order,
  request,
  ssh,
} from '../machine/bench-kit.ts'
import { bootMs, type HeavyKind, systems } from './kit.ts'

export interface Guest {
  readonly order: Order
  readonly machine: Booted
}

export interface Pair extends AsyncDisposable {
  readonly host: MachineHost
  readonly keys: Keys
  readonly guests: Readonly<Record<ImageSystem, Guest>>
  /** What a command says there, as the image's user. */
  inside(system: ImageSystem, command: string): Promise<string>
}

/** Both have come to the end of their boot, and let us in. */
export async function bootPair(kind: HeavyKind): Promise<Pair> {
  const keys = makeKeys()
  const host = await openMachineHost(kind)
  const bootOne = async (system: ImageSystem): Promise<Guest> => {
    const order = { ...request(cloudConfig(keys)), system }
    const machine = boot(host, order)
    await letsIn(machine, keys, 1)
    return { order, machine }
  }
  const end = async (): Promise<void> => {
    await host.close()
    keys[Symbol.dispose]()
  }
  const boots = Promise.all([bootOne('debian-12'), bootOne('debian-13')])
  const [debian12, debian13] = await boots.catch(async (error: unknown) => {
    await end()
    throw error
  })
  const guests = { 'debian-12': debian12, 'debian-13': debian13 }
  return {
    host,
    keys,
    guests,
    inside: async (system, command) =>
      (await ssh(guests[system].machine, keys, command)).stdout.trim(),
    [Symbol.asyncDispose]: end,
  }
}

/** What `look` sees of each image, which does not take twice as long. */
export async function onEach<T>(
  look: (system: ImageSystem) => Promise<T>,
): Promise<Record<string, T>> {
  const seen = systems.map(async (system) => [system, await look(system)] as const)
  return Object.fromEntries(await Promise.all(seen))
}

/**
 * Resolves when a machine lets somebody in, after that many boots. Not by asking it all the time: systemd's lets nobody in
 * at first, and sshd 10 takes who comes again then for an attacker, for half a minute.
 */
export async function letsIn(machine: Booted, keys: Keys, boots: number): Promise<void> {
  await finished(machine, boots, bootMs)
  await login(machine, keys)
}
