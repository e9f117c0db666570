/**
 * Ignore files as git reads them, byte by byte: names and patterns are latin1 for bytes (`names.ts`).
 *
 * @see https://git-scm.com/docs/gitignore
 */

interface Rule {
  readonly matches: RegExp
  readonly isNegated: boolean
  readonly onlyFolders: boolean
}

/** What the ignore files of one folder say. */
export class IgnoreRules {
  readonly #rules: readonly Rule[]

  /** @param text of them all, what counts more last */
  constructor(text: string) {
    this.#rules = text
      // A byte order mark is skipped.
      .replace(/^\u00EF\u00BB\u00BF/, '')
      .split('\n')
      .flatMap((line) => ruleOf(line) ?? [])
      .toReversed()
  }

  /**
   * @param name relative to the folder of the ignore files
   * @returns undefined when they do not say
   */
  ignores(name: string, isFolder: boolean): boolean | undefined {
    const rule = this.#rules.find(
      ({ matches, onlyFolders }) => (isFolder || !onlyFolders) && matches.test(name),
    )
    return rule === undefined ? undefined : !rule.isNegated
  }
}

function ruleOf(line: string): Rule | undefined {
  if (line.startsWith('#')) return undefined
  // Spaces at the end count only behind a backslash.
  let glob = line.replace(/(?<!\\)((?:\\\\)*) +$/, '$1')
  const isNegated = glob.startsWith('!')
  if (isNegated) glob = glob.slice(1)
  const onlyFolders = glob.endsWith('/')
  if (onlyFolders) glob = glob.slice(0, -1)
  if (glob === '') return undefined
  // A slash ties it to the folder; without one it counts for names at any depth.
  const isTied = glob.includes('/')
  const source = sourceOf(glob.startsWith('/') ? glob.slice(1) : glob)
  if (source === undefined) return undefined
  return {
    matches: new RegExp(`${isTied ? '^' : '(?:^|/)'}${source}$`, 's'),
    isNegated,
    onlyFolders,
  }
}

/** Of a regular expression; undefined for a pattern that matches nothing. */
function sourceOf(glob: string): string | undefined {
  let source = ''
  for (let at = 0; at < glob.length;) {
    const rest = glob.slice(at)
    const stars = /^\*+/.exec(rest)?.[0].length ?? 0
    if (stars > 0) {
      const isWhole = stars > 1 && (at === 0 || glob[at - 1] === '/')
      const next = rest[stars]
      at += stars
      if (isWhole && next === undefined) source += '.+'
      else if (isWhole && next === '/') {
        source += '(?:.*/)?'
        at++
      } else source += isWhole && rest.startsWith('\\/', stars) ? '.*' : '[^/]*'
    } else if (rest.startsWith('?')) {
      source += '[^/]'
      at++
    } else if (rest.startsWith('[')) {
      const one = classOf(rest)
      if (one === undefined) return undefined
      source += one.source
      at += one.length
    } else {
      const isEscape = rest.startsWith('\\')
      const literal = rest[isEscape ? 1 : 0]
      if (literal === undefined) return undefined
      source += escape(literal)
      at += isEscape ? 2 : 1
    }
  }
  return source
}

const classes = new Map([
  ['alnum', 'A-Za-z0-9'],
  ['alpha', 'A-Za-z'],
  ['blank', ' \\t'],
  ['cntrl', '\\x00-\\x1f\\x7f'],
  ['digit', '0-9'],
  ['graph', '\\x21-\\x7e'],
  ['lower', 'a-z'],
  ['print', '\\x20-\\x7e'],
  ['punct', '!-\\/:-@\\[-`{-~'],
  ['space', ' \\t-\\r'],
  ['upper', 'A-Z'],
  ['xdigit', 'A-Fa-f0-9'],
])

/** Such as `[a-z_]`, at the beginning of `glob`; undefined when it does not end. */
function classOf(glob: string): { readonly source: string; readonly length: number } | undefined {
  const isNegated = /^\[[!^]/.test(glob)
  let at = isNegated ? 2 : 1
  let members = ''
  for (let isFirst = true; isFirst || glob[at] !== ']'; isFirst = false) {
    const named = /^\[:([^\]]*):\]/.exec(glob.slice(at))
    if (named) {
      const range = classes.get(named[1] ?? '')
      if (range === undefined) return undefined
      members += range
      at += named[0].length
      continue
    }
    const [, from, to] = /^(\\?.)(?:-(\\?[^\]]))?/s.exec(glob.slice(at)) ?? []
    if (from === undefined || from === '\\') return undefined
    at += from.length
    const low = from.slice(-1)
    const high = to?.slice(-1)
    if (to === undefined || high === undefined) members += escape(low)
    else {
      at += to.length + 1
      if (low <= high) members += `${escape(low)}-${escape(high)}`
    }
  }
  const source =
    members === '' ? (isNegated ? '[^/]' : '[]') : `(?!/)[${isNegated ? '^' : ''}${members}]`
  return { source, length: at + 1 }
}

function escape(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
}
