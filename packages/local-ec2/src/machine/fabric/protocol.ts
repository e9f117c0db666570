/** What the endpoint's process and the fabric's process say to each other over Node's IPC channel. */
import type { MachineEnd } from '../machine.ts'

/** How a fabric is made; its one command-line argument, as JSON. */
export interface FabricPlan {
  /** Root of the files that machines are made of: `/`, or an unpacked Debian. */
  base: string
  /** Root inside a user namespace: kernel features differ a little. */
  rootless: boolean
  /** The fabric's own address among the machines, such as `198.18.0.1/24`; without one it cannot reach them. */
  address?: string
  /** Directory of the programs that run inside a machine. */
  guest: string
}

/** What can only be said once the fabric's namespaces are there, or is found out while they are made. */
export interface Preparation {
  /** Absolute paths of this computer that no machine may see, besides the fixed rules. */
  hide: readonly string[]
  /** Whether there is a veth pair to this computer, whose end in the fabric is called `uplink`. */
  uplink: boolean
}

/** One machine, ready to be made. */
export interface BootOrder {
  id: string
  hostname: string
  /** IPv4 address inside the machines' network. */
  address: string
  defaultUser: string
  /** Shell text that init runs; made from the user-data alone. */
  script: string
  /** What the script puts in place, by number: it finds payload 3 at `$payload/3`. */
  payloads: readonly Uint8Array[]
}

export type ToFabric =
  /** The answer to `hello`. */
  | { type: 'prepare'; preparation: Preparation }
  | { type: 'boot'; order: BootOrder }
  | { type: 'off'; id: string }
  /** Comes with an accepted socket, to be joined to that machine's port 22. */
  | { type: 'join'; address: string }

export type FromFabric =
  /** Its namespaces are there. */
  | { type: 'hello' }
  /** Machines can be booted. */
  | { type: 'ready'; guarded: boolean }
  | { type: 'failed'; message: string }
  | { type: 'running'; id: string }
  | { type: 'console'; id: string; text: string }
  | { type: 'off'; id: string; end: MachineEnd }
