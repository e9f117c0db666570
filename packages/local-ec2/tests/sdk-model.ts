/**
 * The model of a service, read from the SDK's client and written as `src/query/model/*.jsonl` has it.
 *
 * `@aws-sdk/client-*` exports its whole model as schemas (`RunInstances$ = [9, namespace, name, traits, input,
 * output]`). The layout of these tuples is promised to nobody, so only this file and `random-values.ts` know it.
 */
import { NormalizedSchema } from '@smithy/core/schema'

type SchemaRef = Parameters<typeof NormalizedSchema.of>[0]
type Operation = [9, string, name: string, unknown, input: SchemaRef, output: SchemaRef]

/** All operations of an SDK module, in the order of their names. */
export function sdkOperations(
  sdk: object,
): { name: string; input: NormalizedSchema; output: NormalizedSchema }[] {
  return Object.values(sdk)
    .filter((value): value is Operation => Array.isArray(value) && value[0] === 9)
    .map(([, , name, , input, output]) => ({
      name,
      input: NormalizedSchema.of(input),
      output: NormalizedSchema.of(output),
    }))
    .toSorted((a, b) => byName(a.name, b.name))
}

/** Names of the members that a structure cannot do without. */
export function requiredMembers(structure: NormalizedSchema): string[] {
  const schema: unknown = structure.getSchema()
  if (!Array.isArray(schema)) return []
  const names: unknown = schema[4]
  const count: unknown = schema[6]
  if (!Array.isArray(names) || typeof count !== 'number') return []
  return names.slice(0, count).map(String)
}

/** What the endpoint reads of a member. */
const understood = new Set(['xmlName', 'ec2QueryName', 'idempotencyToken', 'sensitive'])

export function modelOf(sdk: object): string {
  const structures = new Map<string, object>()

  function structureName(schema: NormalizedSchema): string | null {
    if (!schema.isStructSchema()) return null
    const name = schema.getName() ?? ''
    if (structures.has(name)) return name
    const members: Record<string, object> = {}
    structures.set(name, members)
    const required = new Set(requiredMembers(schema))
    for (const [memberName, member] of schema.structIterator()) {
      const { xmlName: xml, ec2QueryName: query } = traitsOf(member, `${name}.${memberName}`)
      members[memberName] = {
        ...shape(member),
        ...(required.has(memberName) && { required: true }),
        ...(xml !== undefined && xml !== memberName && { xml }),
        // Nearly all of them follow from the name.
        ...(query !== undefined && query !== capitalized(xml ?? memberName) && { query }),
      }
    }
    return name
  }

  function shape(schema: NormalizedSchema): object {
    if (schema.isStructSchema()) return { structure: structureName(schema) }
    if (schema.isListSchema()) {
      const item = schema.getValueSchema()
      const { xmlName: xml } = traitsOf(item, `${schema.getName()}[]`)
      return { list: { ...shape(item), ...(xml !== undefined && { xml }) } }
    }
    if (schema.isBooleanSchema()) return { type: 'boolean' }
    if (schema.isNumericSchema()) return { type: 'number' }
    if (schema.isTimestampSchema()) return { type: 'timestamp' }
    if (schema.isBlobSchema()) return { type: 'blob' }
    if (schema.isStringSchema()) return {}
    throw new Error(`a schema that the endpoint cannot read: ${JSON.stringify(schema.getSchema())}`)
  }

  const operations = sdkOperations(sdk).map(({ name, input, output }) => [
    name,
    structureName(input),
    structureName(output),
  ])
  const lines = [...operations, ...[...structures].toSorted(([a], [b]) => byName(a, b))]
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

function traitsOf(schema: NormalizedSchema, path: string) {
  const traits = schema.getMergedTraits()
  const strange = Object.keys(traits).find((trait) => !understood.has(trait))
  if (strange !== undefined) throw new Error(`${path} has the trait ${strange}`)
  return traits
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function byName(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
