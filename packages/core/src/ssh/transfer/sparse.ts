/** Files with holes: what is nothing but zeros is neither sent nor written. */
import type { FileHandle } from 'node:fs/promises'

import type { Span } from './spans.ts'

const grain = 64 * 1024
// Smaller holes are filled with zeros: each costs the far side a process of its own.
const smallestHole = 1024 * 1024
const chunkSize = 16 * grain
const zeros = Buffer.alloc(grain)

/** Where a file has anything but zeros. Reads all of it: Node has no `SEEK_HOLE`, and reading holes is quick. */
export async function findData(file: FileHandle, size: number): Promise<Span[]> {
  const spans: { from: number; to: number }[] = []
  const buffer = Buffer.allocUnsafeSlow(chunkSize)
  for (let at = 0; at < size;) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { bytesRead } = await file.read(buffer, 0, chunkSize, at)
    // It has become shorter; whoever sends it will notice.
    if (bytesRead === 0) break
    for (let from = 0; from < bytesRead; from += grain) {
      const piece = buffer.subarray(from, Math.min(from + grain, bytesRead))
      if (piece.equals(zeros.subarray(0, piece.length))) continue
      const last = spans.at(-1)
      const start = at + from
      if (last !== undefined && start - last.to < smallestHole) last.to = start + piece.length
      else spans.push({ from: start, to: start + piece.length })
    }
    at += bytesRead
  }
  return spans
}
