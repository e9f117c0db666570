/** Parts of a file: from a byte up to, not including, another one. */
export interface Span {
  readonly from: number
  readonly to: number
}

export function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { from, to }) => sum + to - from, 0)
}

/** What of `all` is in none of `taken`. */
export function without(all: readonly Span[], taken: readonly Span[]): Span[] {
  const sorted = taken.toSorted((a, b) => a.from - b.from)
  return all.flatMap(({ from, to }) => {
    const left: Span[] = []
    let at = from
    for (const one of sorted) {
      if (one.to <= at || one.from >= to) continue
      if (one.from > at) left.push({ from: at, to: one.from })
      at = one.to
    }
    if (at < to) left.push({ from: at, to })
    return left
  })
}

/** `spans` without their last `bytes` bytes, as they come. */
export function dropLast(spans: readonly Span[], bytes: number): Span[] {
  let left = bytes
  const kept: Span[] = []
  for (const span of spans.toReversed()) {
    const length = span.to - span.from
    if (length > left) kept.push({ from: span.from, to: span.to - left })
    left = Math.max(0, left - length)
  }
  return kept.toReversed()
}
