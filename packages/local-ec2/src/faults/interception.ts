import type { Call } from '../query/service.ts'

/**
 * What a fault does to a call that it strikes: something before `proceed()`, after it, or instead of it.
 * What it returns is answered, what it throws refused; a `Hangup` closes the connection.
 */
export type Interception = (struck: StruckCall) => Promise<unknown>

export interface StruckCall {
  readonly call: Call
  readonly input: Readonly<Record<string, unknown>>
  /** The call itself, or the next fault that strikes it. */
  readonly proceed: () => Promise<unknown>
  /** Says that the fault has had an effect, once for each call. */
  readonly strike: () => void
  /** Aborted when the fault is removed. */
  readonly removed: AbortSignal
}
