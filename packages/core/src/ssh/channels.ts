import type { ClientChannel } from 'ssh2'

export interface ChannelOptions {
  /** Gives the channel up before its command has begun. */
  signal?: AbortSignal | undefined
  /** Does not wait in line: for the last words to a machine whose connection is busy. */
  urgent?: boolean | undefined
  /**
   * On a connection besides the first, which is made for it, where one can be had: over a long way what a connection
   * brings is limited by what the kernel keeps until it is acknowledged.
   */
  apart?: boolean | undefined
  /** A terminal for the command, whose stderr then comes with its stdout. */
  pty?: Pty | undefined
}

export interface Pty {
  /** @default 80 */
  readonly columns?: number | undefined
  /** @default 24 */
  readonly rows?: number | undefined
  /** What the command finds in `TERM`. @default 'xterm-256color' */
  readonly term?: string | undefined
}

export interface OpenChannel {
  /** Both of its streams must be read, or its end is never heard. */
  readonly channel: ClientChannel
  /** Has sshd signal what it has started, if it may; also when the input of the channel has ended. */
  readonly signal: (name: string) => void
  /** Both undefined when the connection was lost. Never rejects. */
  readonly exit: Promise<ChannelExit>
  /** What ssh2 has said then, if anything. */
  readonly whyLost: () => Error | undefined
}

export interface ChannelExit {
  readonly exitCode: number | undefined
  readonly signal: string | undefined
}
