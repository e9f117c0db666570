import { PassThrough, type Readable } from 'node:stream'

export interface Held {
  readonly stream: PassThrough
  /** Resolves when the source breaks off, if ever it does. */
  readonly broken: Promise<void>
  /** Why it broke off. */
  error(): Error | undefined
}

/** Reads from `source` at once: Node throws the output of a child process away that ends before anybody does. */
export function hold(source: Readable): Held {
  const stream = new PassThrough()
  const broken = Promise.withResolvers<void>()
  let why: Error | undefined
  const breakOff = (error: Error): void => {
    // A command that ended first no longer wants it.
    if (stream.destroyed) return
    why = error
    stream.destroy()
    broken.resolve()
  }
  const closed = (): void => {
    if (!source.readableEnded) breakOff(new Error('it was closed before its end'))
  }
  // Its end has been told already, and will not be told again.
  if (source.readableEnded) breakOff(new Error('it was read to its end before'))
  source.once('error', breakOff)
  source.once('close', closed)
  if (source.destroyed) closed()
  source.pipe(stream)
  return { stream, broken: broken.promise, error: () => why }
}
