/**
 * What an AWS service can be asked: its operations and the shapes of what they take and return.
 *
 * The data in `model/` is what `@aws-sdk/client-*` says of itself, one operation or structure a line.
 * Loading the clients for that would cost 70 MiB and most of the time of a start; a test compares the two.
 */
import { readFileSync } from 'node:fs'

export type Scalar = 'string' | 'boolean' | 'number' | 'timestamp' | 'blob'

export interface Structure {
  readonly kind: 'structure'
  readonly name: string
  readonly members: readonly Member[]
}

export interface List {
  readonly kind: 'list'
  readonly item: Shape
  /** The tag of each item in an answer. */
  readonly itemName: string
}

export type Shape = Structure | List | { readonly kind: Scalar }

export interface Member {
  readonly name: string
  readonly shape: Shape
  readonly required: boolean
  /** Its tag in an answer, where that is not its name. */
  readonly xmlName: string | undefined
  /** Its name in a request of EC2's dialect, where it does not follow from the others. */
  readonly queryName: string | undefined
}

export interface Operation {
  readonly name: string
  /** `undefined` for one without any. */
  readonly input: Structure | undefined
  readonly output: Structure | undefined
}

/** A shape as it is written down: a string, unless it says something else. */
interface ShapeText {
  type?: Scalar
  structure?: string
  list?: ShapeText & { xml?: string }
}

interface MemberText extends ShapeText {
  required?: true
  xml?: string
  query?: string
}

type Line =
  | readonly [operation: string, input: string | null, output: string | null]
  | readonly [structure: string, members: Record<string, MemberText>]

/**
 * Reads `model/NAME.jsonl`. Only where its lines begin is looked for; each is understood when it is first
 * needed, because no run needs more than a few of them.
 */
export function readModel(name: 'ec2' | 'sts'): ReadonlyMap<string, Operation> {
  // The build keeps the data at the same place relative to this file's bundle as it has here.
  const text = readFileSync(new URL(`./model/${name}.jsonl`, import.meta.url))
  const operations = new Map<string, Operation>()
  const lines = new Map<string, readonly [start: number, end: number]>()
  const known = new Map<string, Structure>()

  function structure(structureName: string): Structure {
    const found = known.get(structureName)
    if (found !== undefined) return found
    const [, members] = parse(lines.get(structureName) ?? [0, 0])
    if (members === null || typeof members !== 'object') {
      throw new TypeError(`the model has no structure ${structureName}`)
    }
    let understood: Member[] | undefined
    const made: Structure = {
      kind: 'structure',
      name: structureName,
      // Later: a structure may contain itself.
      get members() {
        understood ??= Object.entries(members).map(([memberName, member]) => ({
          name: memberName,
          shape: shape(member),
          required: member.required === true,
          xmlName: member.xml,
          queryName: member.query,
        }))
        return understood
      },
    }
    known.set(structureName, made)
    return made
  }

  function shape({ type = 'string', structure: structureName, list }: ShapeText): Shape {
    if (structureName !== undefined) return structure(structureName)
    if (list !== undefined)
      return { kind: 'list', item: shape(list), itemName: list.xml ?? 'member' }
    return { kind: type }
  }

  function parse([start, end]: readonly [number, number]): Line {
    return JSON.parse(text.toString('utf8', start, end))
  }

  function operation(operationName: string, line: readonly [number, number]): Operation {
    const side = (index: 1 | 2): Structure | undefined => {
      const structureName = parse(line)[index]
      return typeof structureName === 'string' ? structure(structureName) : undefined
    }
    return {
      name: operationName,
      get input() {
        return side(1)
      },
      get output() {
        return side(2)
      },
    }
  }

  for (let start = 0; start < text.length;) {
    const end = text.indexOf('\n', start)
    // `["Name",{` begins a structure, `["Name",` and anything else an operation.
    const nameEnd = text.indexOf('"', start + 2)
    const lineName = text.toString('latin1', start + 2, nameEnd)
    if (text[nameEnd + 2] === brace) lines.set(lineName, [start, end])
    else operations.set(lineName, operation(lineName, [start, end]))
    start = end + 1
  }
  return operations
}

const brace = '{'.charCodeAt(0)
