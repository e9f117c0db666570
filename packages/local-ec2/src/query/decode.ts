/** From a form to the typed input that the SDK's own client was given. */
import type { NormalizedSchema } from '@smithy/core/schema'

import { ApiError } from './api-error.ts'
import type { Dialect } from './dialect.ts'
import type { FormNode } from './form.ts'
import { requiredMembers } from './operation.ts'

/** @throws {ApiError} `UnknownParameter`, `MissingParameter`, `InvalidParameterValue` */
export function decodeInput(
  schema: NormalizedSchema,
  parameters: FormNode,
  dialect: Dialect,
): Record<string, unknown> {
  if (schema.isStructSchema()) return decodeStructure(schema, parameters, '', dialect)
  const [unknown] = parameters.children.keys()
  if (unknown !== undefined) throw unknownParameter(unknown)
  return {}
}

function decode(schema: NormalizedSchema, node: FormNode, path: string, dialect: Dialect): unknown {
  const nested = schema.isStructSchema() || schema.isListSchema()
  // `Filter=` is how an empty list is written; `Filter=x` is nothing at all.
  if (nested ? node.value : node.children.size > 0 || node.value === undefined) {
    throw invalidValue(path, node.value)
  }
  if (schema.isStructSchema()) return decodeStructure(schema, node, `${path}.`, dialect)
  if (schema.isListSchema()) return decodeList(schema, node, path, dialect)
  return decodeScalar(schema, node.value ?? '', path)
}

function decodeStructure(
  schema: NormalizedSchema,
  node: FormNode,
  prefix: string,
  dialect: Dialect,
): Record<string, unknown> {
  const output: Record<string, unknown> = {}
  const required = new Set(requiredMembers(schema))
  const known = new Set<string>()
  let missing: string | undefined
  for (const [member, memberSchema] of schema.structIterator()) {
    const name = dialect.parameterName(member, memberSchema.getMergedTraits())
    known.add(name)
    const child = node.children.get(name)
    if (child !== undefined) output[member] = decode(memberSchema, child, prefix + name, dialect)
    else if (required.has(member)) missing ??= prefix + name
  }
  for (const name of node.children.keys())
    if (!known.has(name)) throw unknownParameter(prefix + name)
  if (missing !== undefined) {
    throw new ApiError('MissingParameter', `The request must contain the parameter ${missing}`)
  }
  return output
}

function decodeList(
  schema: NormalizedSchema,
  node: FormNode,
  path: string,
  dialect: Dialect,
): unknown[] {
  const key = dialect.listKey(schema)
  if (key !== undefined) {
    const unknown = [...node.children.keys()].find((name) => name !== key)
    if (unknown !== undefined) throw unknownParameter(`${path}.${unknown}`)
  }
  const items = key === undefined ? node : node.children.get(key)
  const prefix = key === undefined ? path : `${path}.${key}`
  return [...(items?.children ?? [])]
    .map(([index, item]) => ({ position: position(index, prefix), index, item }))
    .toSorted((a, b) => a.position - b.position)
    .map(({ index, item }) => decode(schema.getValueSchema(), item, `${prefix}.${index}`, dialect))
}

function position(index: string, path: string): number {
  if (!/^[1-9]\d{0,8}$/.test(index)) throw unknownParameter(`${path}.${index}`)
  return Number(index)
}

function decodeScalar(schema: NormalizedSchema, value: string, path: string): unknown {
  if (schema.isBooleanSchema()) {
    if (!/^(true|false)$/i.test(value)) throw invalidValue(path, value)
    return value.toLowerCase() === 'true'
  }
  if (schema.isNumericSchema()) {
    if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value)) throw invalidValue(path, value)
    return Number(value)
  }
  if (schema.isTimestampSchema()) {
    const date = new Date(/^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : value)
    if (Number.isNaN(date.getTime())) throw invalidValue(path, value)
    return date
  }
  if (schema.isBlobSchema()) return new Uint8Array(Buffer.from(value, 'base64'))
  return value
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
