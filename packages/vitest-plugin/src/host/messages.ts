/** Vitest's private wire between a pool and its workers, as far as we look into it. The contract test watches it. */

import type { PoolWorker } from 'vitest/node'

import type { FetchAnswer } from './modules.ts'

/** What Vitest asks of a worker. */
export type WorkerRequest = Parameters<PoolWorker['send']>[0]
export type StartRequest = Extract<WorkerRequest, { type: 'start' }>
export type RunRequest = Extract<WorkerRequest, { type: 'run' | 'collect' }>

/** What a worker reports about its own life. */
export interface WorkerResponse {
  readonly __vitest_worker_response__: true
  readonly type: 'started' | 'stopped' | 'testfileFinished'
  readonly error?: unknown
}

/** A call of the other side's function. */
export interface RpcCall {
  readonly t: 'q'
  /** Absent when no answer is wanted. */
  readonly i?: string
  readonly m: string
  readonly a: readonly unknown[]
}

/** The answer to a call. */
export interface RpcAnswer {
  readonly t: 's'
  readonly i: string
  readonly r?: unknown
  readonly e?: unknown
}

/** A table of results on its way to the reporters. */
export interface BenchmarkMessage {
  readonly name: string
  readonly tasks: { name: string; fromStore?: boolean; perProject?: boolean }[]
}

export function isResponse(message: unknown): message is WorkerResponse {
  return isObject(message) && message['__vitest_worker_response__'] === true
}

export function isCall(message: unknown): message is RpcCall {
  return (
    isObject(message) &&
    message['t'] === 'q' &&
    typeof message['m'] === 'string' &&
    Array.isArray(message['a'])
  )
}

export function isAnswer(message: unknown): message is RpcAnswer {
  return isObject(message) && message['t'] === 's' && typeof message['i'] === 'string'
}

export function isRequest(message: unknown): message is WorkerRequest {
  return isObject(message) && message['__vitest_worker_request__'] === true
}

export function isFetchAnswer(value: unknown): value is FetchAnswer {
  return isObject(value)
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
