import type { Connection } from '../connection.ts'
import type { Limits } from './landing.ts'
import type { Meter } from './meter.ts'
import type { TransferReport } from './options.ts'
import type { Refused } from './safe-names.ts'

/** What all parts of one pull share. */
export interface PullContext {
  readonly connection: Connection
  /** On the machine. */
  readonly path: string
  /** On this computer. */
  readonly to: string
  readonly limits: Limits
  readonly meter: Meter
  readonly checksum: boolean
  /** Of each file here; undefined for its own. */
  readonly mode: number | undefined
  readonly signal: AbortSignal | undefined
}

/** What a pull did, as far as only its parts know it. */
export interface Done extends Pick<TransferReport, 'files' | 'skipped'> {
  readonly refused: readonly Refused[]
}
