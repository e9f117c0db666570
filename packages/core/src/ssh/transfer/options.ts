/** What push and pull have in common. */
import type { OptionRule } from '../../check-options.ts'
import type { OnProgress } from './progress.ts'

export interface TransferOptions {
  /**
   * Of a folder, only what matches one of these globs, as Node's `path.matchesGlob` reads them: relative to the
   * folder, with `/`, and `**` for any number of folders.
   * @default everything
   */
  include?: readonly string[] | undefined
  /** Of a folder, nothing that matches one of these globs, and nothing below a folder that does. @default [] */
  exclude?: readonly string[] | undefined
  /**
   * Compares contents by SHA-256 on both ends, before (what is equal is skipped) and after. Otherwise size, time of
   * change and mode tell what is equal, and ssh's own authentication that what arrives is what was sent.
   * @default false
   */
  checksum?: boolean | undefined
  /**
   * Called at the beginning, at the end, and at most about 20 times a second in between. What it throws ends the
   * transfer, and it is called no more.
   */
  onProgress?: OnProgress | undefined
  /** Ends the transfer; nothing half-written remains. */
  signal?: AbortSignal | undefined
}

/** What a transfer did. */
export interface TransferReport {
  /** How many files and links were transferred; folders do not count. */
  readonly files: number
  /** Bytes of their content: of a push with the holes of files, of a pull only what has come. */
  readonly bytes: number
  /** How many files and links were there already, and equal. */
  readonly skipped: number
  readonly durationMs: number
}

const isGlobs = (value: unknown): boolean =>
  Array.isArray(value) && value.every((glob) => typeof glob === 'string' && glob !== '')

const globs: OptionRule = [isGlobs, "a list of globs such as ['src/**', '*.json']"]

/** For `checkOptions`, beside the rules of one's own. */
export const transferRules: { readonly [K in keyof Required<TransferOptions>]: OptionRule } = {
  include: globs,
  exclude: globs,
  checksum: [(value) => typeof value === 'boolean', 'true or false'],
  onProgress: [(value) => typeof value === 'function', 'a function'],
  signal: [(value) => value instanceof AbortSignal, 'an AbortSignal'],
}
