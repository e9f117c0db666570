/** From a form to the typed input that the SDK's own client was given. */
import { ApiError } from './api-error.ts'
import type { Dialect } from './dialect.ts'
import type { FormNode } from './form.ts'
import type { List, Shape, Structure } from './model.ts'
import { readScalar } from './scalar.ts'

/** @throws {ApiError} `UnknownParameter`, `MissingParameter`, `InvalidParameterValue`, `InvalidCharacter` */
export function decodeInput(
  input: Structure | undefined,
  parameters: FormNode,
  dialect: Dialect,
): Record<string, unknown> {
  if (input !== undefined) return decodeStructure(input, parameters, '', dialect)
  const [unknown] = parameters.children.keys()
  if (unknown !== undefined) throw unknownParameter(unknown)
  return {}
}

interface Place {
  /** As the request has it, such as `Filter.1.Name`. */
  path: string
  /** As the model has it, such as `Filter.Name`. */
  member: string
}

function decode(shape: Shape, node: FormNode, place: Place, dialect: Dialect): unknown {
  const nested = shape.kind === 'structure' || shape.kind === 'list'
  // EC2 takes `KeyName=a` for `KeyName.1=a`, and clients have relied on it for years.
  if (shape.kind === 'list' && node.value && node.children.size === 0 && isScalar(shape.item)) {
    return [decode(shape.item, node, place, dialect)]
  }
  // `Filter=` is how an empty list is written; `Filter=x` is nothing at all.
  if (nested ? node.value : node.children.size > 0 || node.value === undefined) {
    throw invalidValue(place.path, node.value)
  }
  if (shape.kind === 'structure') return decodeStructure(shape, node, `${place.path}.`, dialect)
  if (shape.kind === 'list') return decodeList(shape, node, place, dialect)
  const text = node.value ?? ''
  const value = readScalar(shape.kind, text, place.member)
  if (value === undefined) throw invalidValue(place.path, text)
  return value
}

function decodeStructure(
  structure: Structure,
  node: FormNode,
  prefix: string,
  dialect: Dialect,
): Record<string, unknown> {
  const output: Record<string, unknown> = {}
  const known = new Set<string>()
  let missing: string | undefined
  for (const member of structure.members) {
    const name = dialect.parameterName(member)
    known.add(name)
    const child = node.children.get(name)
    const place = { path: prefix + name, member: `${structure.name}.${member.name}` }
    if (child !== undefined) output[member.name] = decode(member.shape, child, place, dialect)
    else if (member.required) missing ??= place.path
  }
  for (const name of node.children.keys()) {
    if (!known.has(name)) throw unknownParameter(prefix + name)
  }
  if (missing !== undefined) throw dialect.missingParameter(missing)
  return output
}

function decodeList(
  list: List,
  node: FormNode,
  { path, member }: Place,
  dialect: Dialect,
): unknown[] {
  const key = dialect.listKey(list)
  if (key !== undefined) {
    const unknown = [...node.children.keys()].find((name) => name !== key)
    if (unknown !== undefined) throw unknownParameter(`${path}.${unknown}`)
  }
  const items = key === undefined ? node : node.children.get(key)
  const prefix = key === undefined ? path : `${path}.${key}`
  // Gaps between the indexes are allowed: a list is as long as what it holds. Some clients begin at 0.
  return [...(items?.children ?? [])]
    .map(([index, item]) => ({ position: position(index, prefix), index, item }))
    .toSorted((a, b) => a.position - b.position)
    .map(({ index, item }) =>
      decode(list.item, item, { path: `${prefix}.${index}`, member }, dialect),
    )
}

function isScalar({ kind }: Shape): boolean {
  return kind !== 'structure' && kind !== 'list'
}

function position(index: string, path: string): number {
  if (!/^(0|[1-9]\d{0,8})$/.test(index)) throw unknownParameter(`${path}.${index}`)
  return Number(index)
}

function unknownParameter(name: string): ApiError {
  return new ApiError('UnknownParameter', `The parameter ${name} is not recognized`)
}

function invalidValue(path: string, value: string | undefined): ApiError {
  return new ApiError(
    'InvalidParameterValue',
    `Value (${value ?? ''}) for parameter ${path} is invalid.`,
  )
}
