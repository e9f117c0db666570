/** What a local instance is made of. The world decides when one boots; a `MachineHost` decides how. */

/**
 * - `container`: as root, runc over the host's own `/usr` and `/etc`; own address, port 22.
 * - `rootless`: as an ordinary user, the same inside a user namespace over a Debian root file system;
 *   each has an address of 127/8 and port 2222, whose connections this process accepts and hands on, so that
 *   a process that is busy, or that waits for a command with `spawnSync`, keeps ssh waiting too.
 * - `cloud-init`: inside a user namespace, the Debian of the image (`debian-12` or `debian-13`), whose own cloud-init
 *   reads the user-data from the metadata service; its stages run in order, with sshd between them, without systemd.
 *   As root each has its own address and port 22, as an ordinary user what a `rootless` machine has.
 * - `systemd`: as root, the same with systemd as process 1: the image's real order of boot, and its real power-off.
 * - `none`: nothing boots; for tests of the control plane alone.
 */
export type MachineKind = (typeof machineKinds)[number]
export const machineKinds = ['container', 'rootless', 'cloud-init', 'systemd', 'none'] as const

/** The systems that can be had as images. */
export type ImageSystem = (typeof imageSystems)[number]
export const imageSystems = ['debian-12', 'debian-13'] as const

/** What stays the same as long as the machine exists. */
export interface MachineRequest {
  /** `i-…`; names everything that is made for this machine. */
  instanceId: string
  /**
   * The first label of its private DNS name.
   * @default `ip-` and its private address with dashes, as EC2 names it
   */
  hostname?: string
  /**
   * How much its files may take; never more than half of this computer's memory, which is where they lie.
   * @default 8
   */
  diskGib?: number
  /** The account that the image logs in with, which cloud-init calls the default user. */
  defaultUser: string
  /**
   * What the image holds. Kinds that boot this computer's files take no notice.
   * @default 'debian-12'
   */
  system?: ImageSystem
  /** What goes wrong with it on purpose. */
  troubles?: BootTroubles
}

/** All that a machine can learn about itself from its metadata service, and what it applies at boot. */
export interface MachineFacts {
  /** As EC2 stores it: base64 removed, possibly gzip; what the machine applies by itself when it boots. */
  userData: Uint8Array | undefined
  /** Public keys that the launch named, by the name of their key pair. */
  keyPairs: readonly { name: string; publicKey: string }[]
  metadata: {
    httpTokens: 'optional' | 'required'
    httpEndpoint: 'enabled' | 'disabled'
    /** The time to live, in hops, of the answer that carries a token; 1 to 64. */
    hopLimit: number
    instanceTags: 'enabled' | 'disabled'
  }
  accountId: string
  region: string
  zone: { name: string; id: string }
  imageId: string
  instanceType: string
  architecture: 'x86_64' | 'arm64'
  reservationId: string
  launchIndex: number
  launchTime: Date
  macAddress: string
  interfaceId: string
  securityGroups: readonly { id: string; name: string }[]
  vpc: { id: string; cidr: string }
  subnet: { id: string; cidr: string }
  tags: ReadonlyMap<string, string>
  /**
   * Whether it has a public address at all. Without one nothing leads to `Power.publicIp`.
   * @default true
   */
  hasPublicIp?: boolean
  /** Such as `/dev/xvda`, for `block-device-mapping`, which is left out without it. */
  rootDevice?: string
  /** @default 'on-demand' */
  lifeCycle?: 'on-demand' | 'spot'
  /** Set while EC2 has announced that it will take the machine away. */
  interruption?: { action: 'terminate' | 'stop'; time: Date }
}

export interface BootTroubles {
  /** Powered, but its init never starts: it stays silent until the plug is pulled. */
  neverBoots?: boolean
  /** How much later than otherwise its init starts. */
  bootDelayMs?: number
  /** Its sshd presents an ed25519 key that is not the one of its user-data. */
  wrongHostKey?: boolean
}

/** What can be done to a running machine. Its power-off ends all of them. */
export type MachineTrouble =
  /** No process listens on port 22 any more; open sessions end. */
  | 'sshd-stops'
  /** No process of it runs; its addresses still answer ping, as a hung guest's would not always. */
  | 'freezes'
  /** No packet enters or leaves. */
  | 'loses-network'
  /** Nothing more can be written to its disk, until something is removed from it. */
  | 'disk-full'

/** How the way between a machine and everything else is: this computer, the other machines, its metadata service. */
export interface LinkConditions {
  /**
   * What is added to every round trip, half of it in each direction, from 0 to 60 000; between two machines both count.
   * @default 0
   */
  roundTripMs?: number
  /**
   * Which share of packets is lost in each direction, each packet for itself, from 0 to 1.
   * @default 0
   */
  lossRate?: number
  /**
   * Which packets vanish, without a word to anybody, those under way included: `in`, the ones to the machine; `out`, the
   * ones from it. Connections do not end by it, and go on when it does.
   * @default none
   */
  cut?: LinkCut
  /**
   * Decides which packets are lost, counted anew in each direction since this was asked for; a whole number.
   * @default 1
   */
  seed?: number
}

type LinkCut = (typeof linkCuts)[number]
export const linkCuts = ['both', 'in', 'out'] as const

/**
 * Why a machine is off. `halt` inside is no reason, as on EC2: nothing of it runs any more, but it stays powered
 * until `powerOff()` or `reboot()`.
 */
export interface MachineEnd {
  /**
   * `poweroff`: it ended itself; `unplugged`: `powerOff()` or `close()` was called; `failed`: it never came up,
   * or the process that holds all machines is gone.
   */
  reason: 'poweroff' | 'unplugged' | 'failed'
  detail?: string
}

/** One time of being powered, from plugging in to off. A reboot does not end it. */
export interface Power {
  /** Where the caller's computer reaches it; another one after each stop. */
  readonly publicIp: string
  /** Resolves when its init runs. Never rejects: a machine that fails to start settles `off` instead. */
  readonly running: Promise<void>
  /** Settles once, when nothing of it runs any more. Never rejects. */
  readonly off: Promise<MachineEnd>
}

export interface Machine {
  /** Kept as long as the machine exists. */
  readonly privateIp: string
  readonly sshPort: number
  /**
   * Powers it on, with its disk as it was left. Only for one that is off.
   *
   * @param facts what it can learn about itself, until `learn()` says otherwise
   * @throws {LocalEc2Error} `NO_FREE_ADDRESS`
   */
  boot(facts: MachineFacts): Power
  /**
   * As pressing the power button: its services end, then it powers itself off. One that takes longer than half a
   * minute, or has nobody to hear it, loses its plug. Resolves when it is off.
   */
  shutDown(): Promise<void>
  /** As pulling the plug: resolves when it is off. Safe to call twice. */
  powerOff(): Promise<void>
  /** Its processes end and its init starts anew, on the same disk; does nothing to one that is off. */
  reboot(): void
  /** What its metadata service answers from now on. */
  learn(facts: MachineFacts): void
  /** Resolves when it has happened: to one on its way up, once it runs. Does nothing to one that is off. */
  trouble(what: MachineTrouble): Promise<void>
  /**
   * Resolves when its link is so, in place of what it was; `{}` is as it was at first. Outlasts a reboot and ends with
   * its power. Does nothing to one that is off.
   *
   * @throws {LocalEc2Error} `MACHINE_UNAVAILABLE`
   */
  link(conditions: LinkConditions): Promise<void>
  /** The last 64 KiB of what it has written to its console; still there when it is off. Not to be trusted. */
  console(): string
  /** Removes its disk and frees its private address. Only for one that is off. */
  discard(): void
}

export interface MachineHost {
  readonly kind: MachineKind
  /** Where private addresses come from, such as `198.18.8.0/22`. */
  readonly cidr: string
  /** One line for people: what keeps a machine from harming this computer. */
  readonly isolation: string
  /** What of images it can boot; `undefined` when it boots its own files, whatever the image. */
  readonly systems?: readonly ImageSystem[]
  /**
   * A machine with an empty disk that is off.
   *
   * @param range where its private address shall lie, within `cidr`; a range of one address is that address
   * @throws {LocalEc2Error} `NO_FREE_ADDRESS`
   */
  create(request: MachineRequest, range?: { cidr: string }): Machine
  /** Powers everything off and leaves no process, mount, namespace or file. */
  close(): Promise<void>
}
