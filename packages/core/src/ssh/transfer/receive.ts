/** Runs a command on the machine for the sake of what it prints. */
import type { ChannelExit } from '../channels.ts'
import type { Connection } from '../connection.ts'

/** What is done with the output as it comes. What it throws ends the command. */
export type OnChunk = (chunk: Buffer, flow: Flow) => void

export interface Flow {
  pause(): void
  resume(): void
  /** Ends the command: what has come is enough. */
  stop(): void
}

export interface Received extends ChannelExit {
  readonly command: string
  /** The last that was said. */
  readonly stderr: string
  readonly stdout: string
  readonly durationMs: number
  /** It was ended by `stop()`. */
  readonly isStopped: boolean
  /** It has said what was listened for. */
  readonly hasSaid: boolean
}

const mostWords = 4096

/**
 * @param stdin all that the command reads
 * @param heed what to listen for in what it says on stderr, of which only the end is kept
 * @returns with neither an exit code nor a signal when the connection was lost
 * @throws what `onChunk` throws, the reason of the signal, and whatever `openChannel` throws
 */
export async function receive(
  connection: Connection,
  command: string,
  onChunk: OnChunk,
  options: {
    signal?: AbortSignal | undefined
    stdin?: Uint8Array | undefined
    heed?: string | undefined
    /** As for `openChannel()`. */
    apart?: boolean | undefined
  } = {},
): Promise<Received> {
  const { signal, stdin, heed, apart } = options
  const started = performance.now()
  const { channel, exit } = await connection.openChannel(command, { signal, apart })
  const stopped = Promise.withResolvers<'stopped'>()
  let isOver = false
  const stop = (): void => {
    isOver = true
    channel.signal('KILL')
    channel.close()
    // Not to be waited for: sshd passes no signal on for root, and then the pipe's end ends it.
    stopped.resolve('stopped')
  }
  const abort = (): void => {
    stopped.reject(signal?.reason)
    stop()
  }
  const flow: Flow = {
    pause: () => channel.pause(),
    resume: () => channel.resume(),
    stop,
  }
  let stderr = ''
  let hasSaid = false
  channel.on('data', (chunk: Buffer) => {
    if (isOver) return
    try {
      onChunk(chunk, flow)
    } catch (error) {
      stopped.reject(error)
      stop()
    }
  })
  channel.stderr.on('data', (chunk: Buffer) => {
    const words = stderr + chunk.toString()
    hasSaid ||= heed !== undefined && words.includes(heed)
    stderr = words.slice(-mostWords)
  })
  // Its end says more than a write that failed because of it.
  channel.on('error', () => undefined)
  signal?.addEventListener('abort', abort, { once: true })
  try {
    // It may have been aborted since the channel was opened.
    if (signal?.aborted) abort()
    else channel.end(stdin)
    const ended = await Promise.race([exit, stopped.promise])
    return {
      command,
      ...(ended === 'stopped' ? { exitCode: undefined, signal: undefined } : ended),
      stdout: '',
      stderr,
      durationMs: performance.now() - started,
      isStopped: ended === 'stopped',
      hasSaid,
    }
  } finally {
    isOver = true
    signal?.removeEventListener('abort', abort)
  }
}

/** Whether a command ended because the connection was lost. */
export function wasLost(received: Received): boolean {
  const { exitCode, signal, isStopped } = received
  return exitCode === undefined && signal === undefined && !isStopped
}
