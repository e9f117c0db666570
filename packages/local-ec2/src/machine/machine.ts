/** What a local instance is made of. The world decides when one boots; a `MachineHost` decides how. */

/**
 * - `container`: as root, runc over the host's own `/usr` and `/etc`; own address, port 22.
 * - `rootless`: as an ordinary user, the same inside a user namespace over a Debian root file system;
 *   each has an address of 127/8 and port 2222, whose connections this process accepts and hands on, so that
 *   a process that is busy, or that waits for a command with `spawnSync`, keeps ssh waiting too.
 * - `none`: nothing boots; for tests of the control plane alone.
 */
export type MachineKind = 'container' | 'rootless' | 'none'

export interface MachineRequest {
  /** `i-…`; names everything that is made for this machine. */
  instanceId: string
  hostname: string
  /** As EC2 stores it: base64 removed, possibly gzip; what the machine applies by itself when it boots. */
  userData: Uint8Array | undefined
  /** The account that the image logs in with, which cloud-init calls the default user. */
  defaultUser: string
}

/** Why a machine is off. */
export interface MachineEnd {
  /**
   * `poweroff`: it ended itself; `terminated`: `powerOff()` or `close()` was called; `failed`: it never came up,
   * or the process that holds all machines is gone.
   */
  reason: 'poweroff' | 'terminated' | 'failed'
  detail?: string
}

export interface Machine {
  readonly privateIp: string
  /** Where the caller's computer reaches it. */
  readonly publicIp: string
  readonly sshPort: number
  /** Resolves when its init runs. Never rejects: a machine that fails to start settles `off` instead. */
  readonly running: Promise<void>
  /** Settles once, when nothing of the machine is left but its console text. Never rejects. */
  readonly off: Promise<MachineEnd>
  /** The last 64 KiB of what it has written to its console; still there when it is off. Not to be trusted. */
  console(): string
  /** As pulling the plug: resolves with `off`. Safe to call twice. */
  powerOff(): Promise<MachineEnd>
}

export interface MachineHost {
  readonly kind: MachineKind
  /** Where private addresses come from, such as `198.18.4.0/24`. */
  readonly cidr: string
  /** One line for people: what keeps a machine from harming this computer. */
  readonly isolation: string
  /**
   * Answers at once, as RunInstances does; the address is already known. Before `running` nothing answers there,
   * not even with a refusal.
   *
   * @throws {LocalEc2Error} `NO_FREE_ADDRESS`
   */
  boot(request: MachineRequest): Machine
  /** Powers everything off and leaves no process, mount, namespace or file. */
  close(): Promise<void>
}
