/** What we say to our worker beside Vitest's own messages, which pass through as they are. */

/** The first frame to the worker: it loads Vitest only after it has this. */
export interface Hello {
  readonly benchaway: 'hello'
  /** All of the environment that Vitest adds to that of the login shell. */
  readonly env: Readonly<Record<string, string>>
  /** Where the project lies on the developer's computer, and so on the machine. */
  readonly cwd: string
}

/** The worker has loaded Vitest and listens. */
interface Ready {
  readonly benchaway: 'ready'
}

/** Snapshot files stay on the developer's computer; the worker asks for them. */
export interface SnapshotRequest {
  readonly benchaway: 'snapshot'
  readonly id: number
  readonly action: 'read' | 'save' | 'remove'
  readonly path: string
  /** What to save. */
  readonly text?: string
}

export interface SnapshotAnswer {
  readonly benchaway: 'answer'
  readonly id: number
  /** The content for `read`; null when there is no such file. */
  readonly text: string | null
  /** Why it was not done. */
  readonly error?: string
}

export type ToWorker = Hello | SnapshotAnswer
export type FromWorker = Ready | SnapshotRequest

/** Tells our messages from Vitest's. */
export function isOurs(message: unknown): message is ToWorker | FromWorker {
  return typeof message === 'object' && message !== null && 'benchaway' in message
}
