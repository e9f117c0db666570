import type { Duplex } from 'node:stream'

import { BenchawayError } from '../errors.ts'
import type { Connection } from './connection.ts'
import { breakOff, join } from './join.ts'
import type { Incoming, Listener } from './listen-there.ts'

/** What a port that listens has to tell. */
export interface ListenEvents {
  readonly take: (incoming: Incoming) => void
  /** After a reconnect the port could not be had again, or not yet. */
  readonly troubled: (error: unknown) => void
  /** It never will be had again. */
  readonly ended: () => void
}

/** Begins to listen; `stop` is aborted when nobody wants it any more. */
export type Listen = (events: ListenEvents, stop: AbortSignal) => Promise<Listener>

export interface Passage extends AsyncDisposable {
  /** The address that listens. */
  readonly host: string
  readonly port: number
  /** Resolves when nothing listens any more, by `close()` or because an ssh connection is gone for good. */
  readonly closed: Promise<void>
  /** Ends its connections as well. Resolves once the port is free again. */
  close(): Promise<void>
}

interface PassageOptions {
  onError?: ((error: BenchawayError) => void) | undefined
  signal?: AbortSignal | undefined
}

/**
 * Listens, and leads each connection on.
 *
 * @param connections without which it has no use
 * @param dial makes the connection that one leads to
 */
export async function openPassage(
  connections: readonly Connection[],
  options: PassageOptions,
  listen: Listen,
  dial: (stop: AbortSignal) => Promise<Duplex>,
): Promise<Passage> {
  const { onError, signal } = options
  signal?.throwIfAborted()
  const stop = new AbortController()
  const streams = new Set<Duplex>()
  const closed = Promise.withResolvers<void>()
  let listener: Listener | undefined
  let closing: Promise<void> | undefined

  // What a program at one of the ends does is its own affair: only our errors are told.
  const report = (error: unknown): void => {
    if (error instanceof BenchawayError && !stop.signal.aborted) onError?.(error)
  }
  const keep = (stream: Duplex): void => {
    streams.add(stream)
    stream.once('close', () => streams.delete(stream))
    stream.once('error', report)
  }
  const take = async (incoming: Incoming): Promise<void> => {
    let far: Duplex
    try {
      far = await dial(stop.signal)
    } catch (error) {
      incoming.reject()
      report(error)
      return
    }
    const near = incoming.accept()
    if (near === undefined) {
      far.destroy()
      return
    }
    keep(near)
    keep(far)
    join(near, far)
  }
  const end = async (): Promise<void> => {
    signal?.removeEventListener('abort', abort)
    for (const stream of streams) breakOff(stream)
    stop.abort()
    await listener?.close()
    closed.resolve()
  }
  const close = (): Promise<void> => (closing ??= end())
  const abort = (): void => void close()

  signal?.addEventListener('abort', abort, { once: true })
  try {
    listener = await listen(
      { take: (incoming) => void take(incoming), troubled: report, ended: abort },
      stop.signal,
    )
  } catch (error) {
    signal?.removeEventListener('abort', abort)
    signal?.throwIfAborted()
    throw error
  }
  if (stop.signal.aborted) {
    await listener.close()
    signal?.throwIfAborted()
  }
  for (const connection of connections) void connection.closed.then(abort)
  const { host, port } = listener
  return { host, port, closed: closed.promise, close, [Symbol.asyncDispose]: close }
}
