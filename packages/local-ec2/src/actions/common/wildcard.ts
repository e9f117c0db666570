/**
 * Values of filters: `*` stands for any text, `?` for one character or none, and a backslash takes the
 * meaning from either.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html#Filtering_Resources_CLI, where
 * its considerations and its examples (`database????` is followed by up to four) agree on what `?` is
 */

/** Whether a text matches. Time grows with pattern times text, whatever they are. */
export function wildcard(pattern: string): (text: string) => boolean {
  const tokens = tokenize(pattern)
  const special = tokens.findIndex((token) => typeof token !== 'string')
  if (special === -1) {
    const literal = tokens.join('')
    return (text) => text === literal
  }
  const head = tokens.slice(0, special).join('')
  const rest = tokens.slice(special)
  if (rest.length === 1 && rest[0] === any) return (text) => text.startsWith(head)
  return (text) => text.startsWith(head) && matches(rest, text.slice(head.length))
}

/** The only text that a pattern matches; `undefined` if there are several. */
export function literalOf(pattern: string): string | undefined {
  if (!/[*?\\]/.test(pattern)) return pattern
  const tokens = tokenize(pattern)
  return tokens.every((token) => typeof token === 'string') ? tokens.join('') : undefined
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

function matches(tokens: readonly Token[], text: string): boolean {
  // `reached` has i: the tokens before i can have matched what was read so far.
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

function skipOptional(tokens: readonly Token[], reached: Set<number>): Set<number> {
  // A set is iterated in insertion order, and what is added meanwhile is visited too.
  for (const index of reached) {
    const token = tokens[index]
    if (token === any || token === one) reached.add(index + 1)
  }
  return reached
}
