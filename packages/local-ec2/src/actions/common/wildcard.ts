/**
 * Whether a filter value matches: `*` stands for any text, `?` for one character or none, and a
 * backslash takes the meaning from either. Time grows with pattern times text, whatever they are.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  if (!/[*?\\]/.test(pattern)) return pattern === text
  const tokens = tokenize(pattern)
  // `reached[i]`: the tokens before i can have matched what was read so far.
  let reached = skipOptional(tokens, new Set([0]))
  for (const character of text) {
    const next = new Set<number>()
    for (const index of reached) {
      const token = tokens[index]
      if (token === undefined) continue
      if (token === any) next.add(index)
      else if (token === one || token === character) next.add(index + 1)
    }
    if (next.size === 0) return false
    reached = skipOptional(tokens, next)
  }
  return reached.has(tokens.length)
}

const any = Symbol('*')
const one = Symbol('?')
type Token = typeof any | typeof one | string

function tokenize(pattern: string): Token[] {
  const tokens: Token[] = []
  for (const [text] of pattern.matchAll(/\\?./gsu)) {
    if (text === '*') tokens.push(any)
    else if (text === '?') tokens.push(one)
    else tokens.push(text.length > 1 && text.startsWith('\\') ? text.slice(1) : text)
  }
  return tokens
}

function skipOptional(tokens: readonly Token[], reached: Set<number>): Set<number> {
  // A set is iterated in insertion order, and what is added meanwhile is visited too.
  for (const index of reached) {
    const token = tokens[index]
    if (token === any || token === one) reached.add(index + 1)
  }
  return reached
}
