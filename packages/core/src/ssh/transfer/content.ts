/** What becomes one file: bytes in memory, or a local file that must not change meanwhile. */
import { createHash } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

import { changed, unusable } from './push-failure.ts'
import type { Span } from './spans.ts'
import { findData } from './sparse.ts'

export interface Content {
  readonly size: number
  /** Permission bits; undefined for what has none. */
  readonly mode: number | undefined
  readonly mtimeNs: bigint | undefined
  /** Where there is anything but holes. */
  readonly data: readonly Span[]
  read(from: number, length: number): Promise<Uint8Array>
  /** SHA-256 of all of it, in hex. */
  sum(): Promise<string>
  /** @throws {BenchawayError} `TRANSFER_FAILED` when it is not what it was in the beginning */
  check(): Promise<void>
  close(): Promise<void>
}

export function bytesContent(bytes: Uint8Array): Content {
  return {
    size: bytes.length,
    mode: undefined,
    mtimeNs: undefined,
    data: bytes.length === 0 ? [] : [{ from: 0, to: bytes.length }],
    read: (from, length) => Promise.resolve(bytes.subarray(from, from + length)),
    sum: () => Promise.resolve(createHash('sha256').update(bytes).digest('hex')),
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}

/** @throws {BenchawayError} `TRANSFER_FAILED` when it cannot be read */
export async function fileContent(path: string): Promise<Content> {
  let file: FileHandle | undefined
  try {
    file = await open(path)
    const before = await file.stat({ bigint: true })
    return await contentOf(path, file, before)
  } catch (cause) {
    await file?.close()
    throw unusable(path, cause)
  }
}

async function contentOf(path: string, file: FileHandle, before: BigIntStats): Promise<Content> {
  const size = Number(before.size)
  const whole = size === 0 ? [] : [{ from: 0, to: size }]
  return {
    size,
    mode: Number(before.mode) & 0o7777,
    mtimeNs: before.mtimeNs,
    data: before.blocks * 512n < before.size ? await findData(file, size) : whole,
    async read(from, length) {
      const buffer = Buffer.allocUnsafeSlow(length)
      const { bytesRead } = await file.read(buffer, 0, length, from)
      if (bytesRead !== length) throw changed(path)
      return buffer
    },
    async sum() {
      const hash = createHash('sha256')
      const stream = file.createReadStream({ start: 0, autoClose: false, highWaterMark: 2 ** 20 })
      for await (const chunk of stream) hash.update(chunk)
      return hash.digest('hex')
    },
    async check() {
      const after = await file.stat({ bigint: true })
      if (after.size !== before.size || after.mtimeNs !== before.mtimeNs) throw changed(path)
    },
    close: () => file.close(),
  }
}
