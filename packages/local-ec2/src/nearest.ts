/** The word that somebody probably meant. */

/** The nearest of `words`; `undefined` if none is near enough to be a slip of the fingers. */
export function nearest(wrong: string, words: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.floor(wrong.length / 3)) + 1
  for (const word of words) {
    const far = distance(wrong.toLowerCase(), word.toLowerCase(), least)
    if (far < least) [best, least] = [word, far]
  }
  return best
}

/** How many letters must be added, removed or replaced; `limit` if that many or more. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? limit) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? limit) + 1, (next[j - 1] ?? limit) + 1))
    }
    row = next
  }
  return Math.min(row[b.length] ?? limit, limit)
}
