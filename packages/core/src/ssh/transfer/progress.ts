/** How far a transfer is, for programs and for people. */
import type { WriteStream } from 'node:tty'

/** How far a transfer is. What was found to be equal already does not count. */
export interface TransferProgress {
  /** Bytes of content that have left this computer, or have arrived here; fewer when a lost connection has cost some. */
  readonly bytes: number
  /** Undefined while nobody knows. */
  readonly totalBytes: number | undefined
  readonly files: number
  /** Undefined while nobody knows. */
  readonly totalFiles: number | undefined
  /** The file that is under way; undefined in the first word and in the last one, also that of a transfer that failed. */
  readonly path: string | undefined
}

export type OnProgress = (progress: TransferProgress) => void

const drawEveryMs = 100

/**
 * A bar for `onProgress`: bytes, files, rate and the time that is left, in one line that is gone at the end. Draws
 * nothing where `stream` is no terminal.
 *
 * @param stream where it is drawn; `process.stderr` by default
 */
export function progressBar(
  stream: Pick<WriteStream, 'isTTY' | 'columns'> & {
    write(text: string): boolean
  } = process.stderr,
): OnProgress {
  if (!stream.isTTY) return () => undefined
  let started: number | undefined
  let drawn = Number.NEGATIVE_INFINITY
  return (progress) => {
    const now = performance.now()
    if (started !== undefined && progress.path === undefined) {
      stream.write('\r\u001B[K')
      started = undefined
      drawn = Number.NEGATIVE_INFINITY
      return
    }
    started ??= now
    if (now - drawn < drawEveryMs) return
    drawn = now
    // One column short: a full line would wrap.
    stream.write(
      `\r\u001B[K${lineOf(progress, now - started).slice(0, (stream.columns ?? 80) - 1)}`,
    )
  }
}

function lineOf(progress: TransferProgress, elapsedMs: number): string {
  const { bytes, totalBytes, files, totalFiles, path } = progress
  const perSecond = elapsedMs > 0 ? (bytes / elapsedMs) * 1000 : 0
  const words = [sizeOf(bytes) + (totalBytes === undefined ? '' : ` of ${sizeOf(totalBytes)}`)]
  if (totalFiles !== 1) {
    words.push(`${files}${totalFiles === undefined ? '' : ` of ${totalFiles}`} files`)
  }
  if (perSecond > 0) {
    words.push(`${sizeOf(perSecond)}/s`)
    if (totalBytes !== undefined) words.push(`${timeOf((totalBytes - bytes) / perSecond)} left`)
  }
  const share = totalBytes ? Math.min(bytes / totalBytes, 1) : 0
  const bar = totalBytes ? `[${'#'.repeat(Math.floor(share * 20)).padEnd(20)}] ` : ''
  // Names come from either side and may hold anything; a terminal obeys control characters.
  const name = path?.replaceAll(/\p{Cc}|\p{Cf}/gu, '?') ?? ''
  return `${bar}${words.join(', ')}  ${name}`.trimEnd()
}

function sizeOf(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(Math.max(Math.floor(Math.log2(bytes || 1) / 10), 0), units.length - 1)
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}

function timeOf(seconds: number): string {
  const whole = Math.ceil(seconds)
  const minutes = Math.floor(whole / 60)
  return minutes < 60
    ? `${minutes}:${twoDigits(whole)}`
    : `${Math.floor(minutes / 60)}:${twoDigits(minutes)}:${twoDigits(whole)}`
}

function twoDigits(value: number): string {
  return String(value % 60).padStart(2, '0')
}
