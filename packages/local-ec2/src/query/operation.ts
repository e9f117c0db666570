/**
 * What an AWS service can be asked, read from the SDK itself.
 *
 * `@aws-sdk/client-*` exports its whole model as schemas (`RunInstances$ = [9, namespace, name,
 * traits, input, output]`). The layout of these tuples is not promised to us, so only this file and
 * `requiredMembers` know it; the fuzz test notices when an SDK update changes it.
 */
import { NormalizedSchema } from '@smithy/core/schema'

type SchemaRef = Parameters<typeof NormalizedSchema.of>[0]

export interface Operation {
  readonly name: string
  readonly input: NormalizedSchema
  readonly output: NormalizedSchema
}

const operationSchema = 9

function isOperation(
  value: unknown,
): value is [9, string, string, unknown, SchemaRef, SchemaRef, ...unknown[]] {
  return Array.isArray(value) && value[0] === operationSchema && typeof value[2] === 'string'
}

/** All operations of an SDK module, by name. */
export function operationsOf(sdk: object): ReadonlyMap<string, Operation> {
  const operations = new Map<string, Operation>()
  for (const value of Object.values(sdk)) {
    if (!isOperation(value)) continue
    const [, , name, , input, output] = value
    operations.set(name, {
      name,
      // Normalizing all 823 at start would cost memory that most runs never use.
      get input() {
        return NormalizedSchema.of(input)
      },
      get output() {
        return NormalizedSchema.of(output)
      },
    })
  }
  return operations
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
