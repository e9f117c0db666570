/** What one process asks another one to do, and hears of it. */

export interface Target {
  readonly host: string
  readonly port: number
  readonly user: string
  /** Text of an OpenSSH private key file, and where it lies. */
  readonly clientKey: string
  readonly clientKeyFile: string
  /** 32 bytes of an ed25519 public key, base64. */
  readonly hostKey: string
  readonly knownHostsFile: string
}

export interface Job {
  readonly task: 'exec' | 'atOnce' | 'cold' | 'push' | 'pull'
  readonly target: Target
  /** A connection that is there before the clock starts, or a login that counts. */
  readonly login: 'before' | 'counts'
  /** For a peer that has several. */
  readonly way: string
  /** For OpenSSH's command line. */
  readonly options: readonly string[]
  /** Commands to run, one after the other or at once. */
  readonly times: number
  /** Paths on this computer, which is both sides. */
  readonly from: string
  readonly to: string
  readonly isFolder: boolean
  /** Where to write a CPU profile of what is timed; none when empty. */
  readonly profile: string
}

export interface Measured {
  readonly ms: number
  /** User and system time of all processes of the client. */
  readonly cpuMs: number
}

export type Answer = Measured | { readonly error: string }

/** What is timed. It may return what is to be done afterwards. */
export type Work = () => Promise<(() => void) | void>

export interface Peer {
  /** Brings all to where the clock starts. */
  prepare(job: Job): Promise<Work>
  /** Used until now, in milliseconds. */
  cpuMs(): number
}

export const peerNames = ['ours', 'openssh', 'ssh2', 'node-ssh'] as const
export type PeerName = (typeof peerNames)[number]
