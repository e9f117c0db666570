/**
 * IAM policy documents of identities, read strictly: what is not understood is refused, never left out.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */
import { compileCondition, type Condition } from './condition.ts'
import { invalid } from './invalid.ts'
import { checkKey } from './keys.ts'
import { endsOpen, matches, parsePattern, type Pattern, splitPattern } from './pattern.ts'

/** An IAM policy document as its author writes it; what it holds is checked when it is used. */
export interface PolicyDocument {
  readonly Version?: string
  readonly Id?: string
  readonly Statement: object | readonly object[]
}

/** A document that was checked and made ready for use. */
export interface Policy {
  readonly statements: readonly Statement[]
}

export interface Statement {
  readonly sid: string
  readonly effect: 'Allow' | 'Deny'
  readonly actions: Selection
  readonly resources: Selection
  readonly conditions: readonly Condition[]
  /** As they were written, for those who ask why they were refused. */
  readonly source: { actions: readonly string[]; resources: readonly string[] }
}

/** `not` for NotAction and NotResource, which match what none of the patterns does. */
export interface Selection {
  readonly not: boolean
  readonly patterns: readonly (readonly Pattern[])[]
}

/** A document or a list of them. @throws {LocalEc2Error} `POLICY_INVALID` */
export function parsePolicies(value: unknown): Policy[] {
  if (!Array.isArray(value)) return [parsePolicy(value)]
  return value.map((document: unknown, index) => parsePolicy(document, `[${index}]`))
}

/**
 * Reads a document that was parsed from JSON.
 *
 * @param place what comes before the place of a problem, such as `[1]`
 * @throws {LocalEc2Error} `POLICY_INVALID`, naming the place and what is wrong there
 */
export function parsePolicy(document: unknown, place = ''): Policy {
  const fields = readObject(document, place, ['Version', 'Id', 'Statement'])
  const version = fields['Version'] ?? '2008-10-17'
  if (version !== '2012-10-17' && version !== '2008-10-17') {
    throw invalid(at(place, 'Version'), 'must be "2012-10-17" or "2008-10-17"')
  }
  if (fields['Id'] !== undefined) readText(fields['Id'], at(place, 'Id'))
  const list = listOf(fields['Statement'], at(place, 'Statement'), 'statement')
  // Older documents have no variables: `${` is just text in them.
  const variables = version === '2012-10-17'
  const statements = list.map(({ item, place: where }) => readStatement(item, where, variables))
  const sids = statements.map(({ sid }) => sid).filter((sid) => sid !== '')
  const twice = sids.find((sid, index) => sids.indexOf(sid) !== index)
  if (twice !== undefined) {
    throw invalid(at(place, 'Statement'), `two statements have the Sid '${twice}'`)
  }
  return { statements }
}

function readStatement(value: unknown, place: string, variables: boolean): Statement {
  const fields = readObject(value, place, [
    'Sid',
    'Effect',
    'Action',
    'NotAction',
    'Resource',
    'NotResource',
    'Condition',
  ])
  const sid = fields['Sid'] === undefined ? '' : readText(fields['Sid'], at(place, 'Sid'))
  if (!/^[A-Za-z0-9]*$/.test(sid))
    throw invalid(at(place, 'Sid'), 'may have letters and digits only')
  const effect = fields['Effect']
  if (effect !== 'Allow' && effect !== 'Deny') {
    throw invalid(at(place, 'Effect'), 'must be "Allow" or "Deny"')
  }
  const actions = oneOf(fields, 'Action', 'NotAction', place)
  const resources = oneOf(fields, 'Resource', 'NotResource', place)
  const selection = {
    not: actions.not,
    patterns: actions.items.map(({ item, place: where }) => readAction(item, where)),
  }
  // What a statement says of anything else is never asked here, so its keys may be any.
  const strict =
    concerns(selection, 'ec2') ||
    concerns(selection, 'sts') ||
    concerns(selection, 'ssm', 'getparameters')
  const checkVariable = variables
    ? (key: string, where: string): void => checkVariableKey(key, where, strict)
    : undefined
  return {
    sid,
    effect,
    actions: selection,
    resources: {
      not: resources.not,
      patterns: resources.items.map(({ item, place: where }) =>
        readResource(item, where, checkVariable),
      ),
    },
    conditions: readConditions(fields['Condition'], at(place, 'Condition'), strict, checkVariable),
    source: {
      actions: actions.items.map(({ item }) => String(item)),
      resources: resources.items.map(({ item }) => String(item)),
    },
  }
}

interface Item {
  item: unknown
  place: string
}

function oneOf(
  fields: Record<string, unknown>,
  name: string,
  negation: string,
  place: string,
): { not: boolean; items: Item[] } {
  const not = fields[negation] !== undefined
  if (not === (fields[name] !== undefined)) {
    throw invalid(place, `must have either ${name} or ${negation}`)
  }
  const used = not ? negation : name
  return { not, items: listOf(fields[used], at(place, used), 'value') }
}

const noVariables = { wildcards: true, checkVariable: undefined }
const noKeys = new Map()

/** Two pieces, the vendor's prefix and the name; a lone `*` is both. */
function readAction(value: unknown, place: string): Pattern[] {
  const text = readText(value, place)
  if (text !== '*' && !/^[a-z0-9*?-]+:[a-z0-9*?]+$/i.test(text)) {
    throw invalid(place, `'${text}' is not an action: it must look like ec2:RunInstances`)
  }
  const [service = '', name = '*'] = text.toLowerCase().split(':')
  return [parsePattern(service, place, noVariables), parsePattern(name, place, noVariables)]
}

/** @param action in lower case; any of the service by default */
function concerns({ not, patterns }: Selection, service: string, action?: string): boolean {
  if (not) return true
  return patterns.some(
    ([prefix = [], name = []]) =>
      matches(prefix, service, noKeys) && (action === undefined || matches(name, action, noKeys)),
  )
}

/** One piece for `*`, otherwise the parts of an ARN. */
function readResource(value: unknown, place: string, checkVariable: CheckVariable): Pattern[] {
  const text = readText(value, place)
  const pattern = parsePattern(text, place, { wildcards: true, checkVariable })
  if (text === '*') return [pattern]
  const parts = splitPattern(pattern, 6)
  // `arn:aws:ec2:*` and `arn:aws:ec2:*:instance/*` are whole ones too: see `covers()`.
  if (!text.startsWith('arn:') || (parts.length < 6 && !parts.some(endsOpen))) {
    throw invalid(place, `'${text}' is neither an ARN nor "*"`)
  }
  return parts
}

type CheckVariable = Parameters<typeof parsePattern>[2]['checkVariable']

function checkVariableKey(key: string, place: string, strict: boolean): void {
  if (strict && checkKey(key, place).multiple) {
    throw invalid(place, `'${key}' has several values and cannot be a variable`)
  }
}

function readConditions(
  value: unknown,
  place: string,
  strict: boolean,
  checkVariable: CheckVariable,
): Condition[] {
  if (value === undefined) return []
  return Object.entries(readObject(value, place)).flatMap(([operator, keys]) =>
    Object.entries(readObject(keys, at(place, operator))).map(([key, wanted]) => {
      const where = at(at(place, operator), key)
      const values = listOf(wanted, where, 'value').map(({ item, place: itemPlace }) =>
        readScalar(item, itemPlace),
      )
      return compileCondition({
        operator,
        key,
        wanted: values,
        place: where,
        strict,
        checkVariable,
      })
    }),
  )
}

function readScalar(value: unknown, place: string): string {
  if (typeof value === 'boolean' || typeof value === 'number') return String(value)
  return readText(value, place)
}

function readText(value: unknown, place: string): string {
  if (typeof value === 'string') return value
  throw invalid(place, 'must be a string')
}

/** One thing stands for a list of it. */
function listOf(value: unknown, place: string, what: string): Item[] {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) {
    throw invalid(place, `must have at least one ${what}`)
  }
  if (!Array.isArray(value)) return [{ item: value, place }]
  return value.map((item: unknown, index) => ({ item, place: `${place}[${index}]` }))
}

function readObject(value: unknown, place: string, known?: string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(place, 'must be an object')
  }
  const fields = Object.entries(value)
  const unknown = fields.map(([name]) => name).find((name) => known?.includes(name) === false)
  if (unknown === 'Principal' || unknown === 'NotPrincipal') {
    throw invalid(at(place, unknown), 'the policy of an identity has no principal')
  }
  if (unknown !== undefined) throw invalid(at(place, unknown), 'there is no such element')
  return Object.fromEntries(fields)
}

function at(place: string, name: string): string {
  return place === '' ? name : `${place}.${name}`
}
