/**
 * How a cloud-config becomes one with those before it.
 *
 * @see https://cloudinit.readthedocs.io/en/latest/reference/merging.html
 */
type Config = Record<string, unknown>
type Kind = 'dict' | 'list' | 'str'
type Rules = ReadonlyMap<Kind, ReadonlySet<string>>

const unlessSaid: Rules = new Map([
  ['list', new Set()],
  ['dict', new Set(['replace'])],
  ['str', new Set()],
])

/**
 * @returns a mapping of its own
 * @throws {Error} when the later one asks for a way to merge that there is not
 */
export function mergeConfig(earlier: Config, later: Config): Config {
  const { merge_how: how, merge_type: type, ...values } = later
  const said = rulesOf(how ?? type)
  const merged = merge(earlier, values, said.size === 0 ? unlessSaid : said)
  return isConfig(merged) ? merged : earlier
}

function rulesOf(how: unknown): Rules {
  if (how === undefined || how === null) return new Map()
  const named = typeof how === 'string' ? how.split('+').filter((name) => name.trim()) : how
  if (!Array.isArray(named)) throw new Error('its merge_how is neither a text nor a list')
  return new Map(named.map((item: unknown) => ruleOf(item)))
}

function ruleOf(item: unknown): [Kind, ReadonlySet<string>] {
  const [name, ...settings] = wordsOf(item).map((word) => word.trim().toLowerCase())
  if (name !== 'dict' && name !== 'list' && name !== 'str') {
    throw new Error('its merge_how names what cannot be merged')
  }
  return [name, new Set(settings)]
}

/** `list(append)`, `[list, append]` or `{ name: list, settings: [append] }` */
function wordsOf(item: unknown): string[] {
  if (typeof item === 'string') {
    const [, name = '', settings = ''] = /^\s*(\w+)\((.*)\)\s*$/.exec(item) ?? []
    return [name, ...settings.split(',')]
  }
  const words = isConfig(item) ? [item['name'], ...listOf(item['settings'])] : listOf(item)
  return words.map(String)
}

function merge(old: unknown, added: unknown, rules: Rules): unknown {
  const kind = kindOf(old)
  const rule = kind === undefined ? undefined : rules.get(kind)
  if (rule === undefined) return old
  if (isConfig(old)) return isConfig(added) ? mergeDicts(old, added, rule, rules) : old
  if (Array.isArray(old)) return mergeLists(old, added, rule, rules)
  return typeof added === 'string' && rule.has('append') ? `${String(old)}${added}` : added
}

function mergeDicts(old: Config, added: Config, rule: ReadonlySet<string>, rules: Rules): Config {
  const merged: Config = { ...old }
  for (const [key, value] of Object.entries(added)) {
    if (!Object.hasOwn(old, key)) merged[key] = value
    else if (value === null && rule.has('allow_delete')) delete merged[key]
    else if (rule.has('replace')) merged[key] = value
    // Mappings are always gone into, whatever is said.
    else if (isConfig(value) || goesInto(rule, value)) merged[key] = merge(old[key], value, rules)
  }
  return merged
}

function mergeLists(
  old: readonly unknown[],
  added: unknown,
  rule: ReadonlySet<string>,
  rules: Rules,
): unknown {
  if (!Array.isArray(added)) {
    if (rule.has('append') || rule.has('prepend') || rule.has('no_replace')) {
      throw new Error('it merges a list with what is none')
    }
    return added
  }
  if (rule.has('append')) return [...old, ...added]
  if (rule.has('prepend')) return [...added, ...old]
  if (rule.has('no_replace')) return old
  return old.map((item, index) => {
    if (index >= added.length) return item
    const value: unknown = added[index]
    return goesInto(rule, value) ? merge(item, value, rules) : value
  })
}

function goesInto(rule: ReadonlySet<string>, value: unknown): boolean {
  if (Array.isArray(value)) return rule.has('recurse_array') || rule.has('recurse_list')
  if (typeof value === 'string') return rule.has('recurse_str')
  return isConfig(value) && rule.has('recurse_dict')
}

function kindOf(value: unknown): Kind | undefined {
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'string') return 'str'
  return isConfig(value) ? 'dict' : undefined
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

const isConfig = (value: unknown): value is Config =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
