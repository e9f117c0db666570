/** What the machine says about a file before its bytes. */
export interface FileHeader {
  readonly kind: 'file' | 'sparse' | 'equal'
  readonly size: number
  /** As it was printed: seconds with six digits after the point. */
  readonly mtime: string
  /** All twelve bits. */
  readonly mode: number
  /** SHA-256 in hex; '' when it was not asked for. */
  readonly sum: string
}

const line =
  /^(file|sparse|equal) (\d{1,16}) (-?\d{1,12}\.\d{6}) ([0-7]{1,4}) \d+ ?([0-9a-f]{64})?$/

/** @returns undefined for a line that is none */
export function readHeader(text: string): FileHeader | undefined {
  const [, kind, size, mtime, mode, sum = ''] = line.exec(text) ?? []
  if (kind !== 'file' && kind !== 'sparse' && kind !== 'equal') return undefined
  if (size === undefined || mtime === undefined || mode === undefined) return undefined
  if (!Number.isSafeInteger(Number(size))) return undefined
  return { kind, size: Number(size), mtime, mode: Number.parseInt(mode, 8), sum }
}
