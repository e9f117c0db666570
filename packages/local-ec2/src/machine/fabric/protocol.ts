/** What the endpoint's process and the fabric's process say to each other over Node's IPC channel. */
import type { LinkConditions, MachineEnd, MachineFacts, MachineTrouble } from '../machine.ts'

/** How a fabric is made; its one command-line argument, as JSON. */
export interface FabricPlan {
  /**
   * Who boots its machines: `own` is our init with a script made from the user-data; the other two are of the image,
   * cloud-init's stages one after the other, or systemd.
   */
  init: 'own' | 'cloud-init' | 'systemd'
  /** Root of the files that machines are layers over: `/`, or an unpacked Debian; without it each order has an image. */
  base?: string
  /** Root inside a user namespace: kernel features differ a little. */
  rootless: boolean
  /** Directory of the programs that run inside a machine. */
  guest: string
  /** The program that machines' links lead through. */
  relay: string
}

/** How machines are connected. */
export interface Wiring {
  /** Their private network, such as `198.18.0.0/22`. */
  cidr: string
  /** The fabric's own address in it. */
  router: string
  /** The veth pair to this computer, whose end in the fabric is called `uplink`; without one only the fabric reaches machines. */
  uplink?: {
    /** The public addresses, which this computer sends there. */
    cidr: string
    /** The end on this computer. */
    here: string
    /** The fabric's end. */
    there: string
  }
}

/** What can only be said once the fabric's namespaces are there, or is found out while they are made. */
export interface Preparation {
  /** Absolute paths of this computer that no machine may see, besides the fixed rules. */
  hide: readonly string[]
  wiring: Wiring
}

/** One machine that is off, to be powered. */
export interface BootOrder {
  id: string
  hostname: string
  defaultUser: string
  /** IPv4 address inside the machines' network. */
  address: string
  /** What it is reached at from outside, if it has that itself. */
  routedAddress?: string
  /** What its files may take, in bytes. */
  diskBytes: number
  /** What its disk is a copy of, for a fabric that has no base. */
  image?: ImageFiles
  /** Shell text that our init runs at every boot; made from the user-data and the key pairs. */
  script: string
  /** What the script puts in place, by number: it finds payload 3 at `$payload/3`. */
  payloads: readonly Uint8Array[]
  /** How long its init waits, in milliseconds; `never` for a machine whose init does not start. */
  delayMs: number | 'never'
  knowledge: Knowledge
}

interface ImageFiles {
  /** An unpacked Debian. */
  root: string
  /** On purpose, sshd gets a key of nobody's choice. */
  wrongHostKey: boolean
}

/** What a machine's metadata service answers from. */
export interface Knowledge {
  instanceId: string
  /** The first label of its private DNS name. */
  hostname: string
  privateIp: string
  /** `undefined` when it has none. */
  publicIp: string | undefined
  facts: MachineFacts
}

export type ToFabric =
  /** The answer to `hello`. */
  | { type: 'prepare'; preparation: Preparation }
  | { type: 'boot'; order: BootOrder }
  | { type: 'off'; id: string }
  | { type: 'shut-down'; id: string }
  | { type: 'reboot'; id: string }
  | { type: 'learn'; knowledge: Knowledge }
  | { type: 'trouble'; id: string; what: MachineTrouble; number: number }
  /** Without conditions its link is as it was at first. */
  | { type: 'link'; id: string; conditions: LinkConditions | undefined; number: number }
  /** Removes the disk of a machine that is off. */
  | { type: 'discard'; id: string }
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
  /** What was asked with that number is so, or cannot be. */
  | { type: 'answered'; number: number; failure?: string }
  | { type: 'off'; id: string; end: MachineEnd }
