/**
 * How the process of a driver file asks Vitest's main process for a machine: one connection a machine, lines of JSON.
 *
 *     file → main   Ask
 *     main → file   { launched } or { failed }
 *     file → main   { terminate: true }
 *     main → file   { terminated: true } or { failed }
 *
 * A connection that closes gives its machine back.
 */
import type { InstanceAccess, LaunchOptions } from '@benchaway/core'

import { isRecord } from './lines.ts'

/** Where the broker listens and what it wants to hear first. The token is secret. */
export interface BrokerAddress {
  /** A Unix socket. */
  readonly path: string
  readonly token: string
}

declare module 'vitest' {
  interface ProvidedContext {
    /** Present in driver files only. */
    benchaway?: BrokerAddress
  }
}

/** What a driver file may choose of a machine. */
export type MachineOptions = Pick<LaunchOptions, 'type' | 'image' | 'user' | 'volumeGib'> & {
  /** As texts, which JSON can carry. */
  readonly userData?: readonly string[] | undefined
}

export interface Ask {
  readonly token: string
  readonly launch: MachineOptions
}

export interface Launched {
  readonly access: InstanceAccess
  /** Absolute path of Node on the machine. */
  readonly node: string
}

/** An error on its way through the socket. */
export interface Failure {
  readonly code: string | undefined
  readonly message: string
  readonly hint: string | undefined
}

export type Answer =
  | { readonly launched: Launched }
  | { readonly terminated: true }
  | { readonly failed: Failure }

// An ask and an answer are a few hundred bytes but for user-data, of which EC2 takes 16 KiB when it is compressed.
export const maxBrokerLine = 1_048_576

/** @returns undefined when the message is none of ours */
export function readAsk(message: unknown): Ask | undefined {
  if (!isRecord(message)) return undefined
  const { token, launch } = message
  if (typeof token !== 'string' || !isRecord(launch) || typeof launch['type'] !== 'string') {
    return undefined
  }
  const { type, image, user, volumeGib, userData } = launch
  if (image !== undefined && typeof image !== 'string') return undefined
  if (user !== undefined && typeof user !== 'string') return undefined
  if (volumeGib !== undefined && typeof volumeGib !== 'number') return undefined
  if (userData !== undefined && !isTexts(userData)) return undefined
  return { token, launch: { type, image, user, volumeGib, userData } }
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')

export function isTerminate(message: unknown): boolean {
  return isRecord(message) && message['terminate'] === true
}

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: undefined, message: String(error), hint: undefined }
  const code: unknown = 'code' in error ? error.code : undefined
  const hint: unknown = 'hint' in error ? error.hint : undefined
  return {
    code: typeof code === 'string' ? code : undefined,
    message: error.message,
    hint: typeof hint === 'string' ? hint : undefined,
  }
}
