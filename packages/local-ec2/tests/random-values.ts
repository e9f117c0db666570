/** Random values of any schema, the same ones for the same seed. */
import type { NormalizedSchema } from '@smithy/core/schema'

import { randomNumbers } from '../src/faults/matching.ts'
import { requiredMembers } from './sdk-model.ts'

const strings = [
  'a',
  'hello <&> "w"',
  'x.y=z&q',
  'ünï ☃ 😀',
  ' lead',
  'multi\nline\r\n',
  "it's",
  '0',
  'true',
  '日本',
  '1e5',
  '007',
  '&amp;',
  ']]>',
]
const maxDepth = 4

export function randomValues(seed: number): {
  structure: (schema: NormalizedSchema) => Record<string, unknown>
} {
  const random = randomNumbers(seed)
  const below = (limit: number): number => Math.floor(random() * limit)

  /** `undefined` for what no wire can carry: a structure or list with nothing in it. */
  function value(schema: NormalizedSchema, depth: number): unknown {
    if (schema.isStructSchema()) {
      const members = structure(schema, depth)
      if (Object.keys(members).length > 0) return members
      return depth < 2 * maxDepth ? withOneMember(schema, depth) : undefined
    }
    if (schema.isListSchema()) {
      const length = 1 + below(2)
      const items = Array.from({ length }, () => value(schema.getValueSchema(), depth + 1))
      const carried = items.filter((item) => item !== undefined)
      return carried.length > 0 ? carried : undefined
    }
    if (schema.isBooleanSchema()) return random() < 0.5
    if (schema.isNumericSchema()) return below(1000) - 5
    if (schema.isTimestampSchema()) return new Date(below(2e9) * 1000)
    if (schema.isBlobSchema()) return new Uint8Array([1, 2, 3, 255])
    return strings[below(strings.length)]
  }

  function structure(schema: NormalizedSchema, depth = 0): Record<string, unknown> {
    const members: Record<string, unknown> = {}
    if (!schema.isStructSchema()) return members
    const required = new Set(requiredMembers(schema))
    for (const [name, member] of schema.structIterator()) {
      // The client would make up a token that is not there.
      const forced = required.has(name) || member.isIdempotencyToken()
      const deep = depth > maxDepth && (member.isStructSchema() || member.isListSchema())
      if (!forced && (deep || random() < 0.35)) continue
      const made = value(member, depth + 1)
      if (made !== undefined) members[name] = made
      if (schema.isUnionSchema()) break
    }
    return members
  }

  function withOneMember(schema: NormalizedSchema, depth: number): object | undefined {
    for (const [name, member] of schema.structIterator()) {
      const made = value(member, depth + 1)
      if (made !== undefined) return { [name]: made }
    }
    return undefined
  }

  return { structure }
}
