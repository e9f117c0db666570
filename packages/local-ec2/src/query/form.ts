/** A Query request: `Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1`, read as a tree. */
import { ApiError } from './api-error.ts'

export interface FormNode {
  value?: string
  readonly children: Map<string, FormNode>
}

export interface Form {
  action: string | undefined
  version: string | undefined
  parameters: FormNode
}

/** Deeper than any AWS input. */
const maxDepth = 16
/** More than any AWS input has, few enough that hostile keys cost little. */
const maxNodes = 100_000

/**
 * @param texts forms that are one together, such as a query string and a body
 * @throws {ApiError} `MalformedQueryString` for what is not percent-encoded UTF-8, and for a parameter that
 * is there twice or is nested absurdly deep
 */
export function parseForm(...texts: readonly string[]): Form {
  const parameters: FormNode = { children: new Map() }
  let nodes = 0
  for (const pair of texts.flatMap((text) => text.split('&'))) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const key = percentDecode(equals < 0 ? pair : pair.slice(0, equals))
    const path = key.split('.', maxDepth + 1)
    nodes += path.length
    if (path.length > maxDepth) {
      throw malformed('The query string has a parameter nested too deep')
    }
    if (nodes > maxNodes) throw malformed('The query string has too many parameters')
    const node = descend(parameters, path)
    if (node.value !== undefined) throw malformed(`The parameter ${key} is given more than once`)
    node.value = equals < 0 ? '' : percentDecode(pair.slice(equals + 1))
  }
  const action = take(parameters, 'Action')
  const version = take(parameters, 'Version')
  return { action, version, parameters }
}

function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    // A lone % or bytes that are not UTF-8: read leniently, a name would silently become another one.
    throw malformed('The query string contains a syntax error')
  }
}

function malformed(message: string): ApiError {
  return new ApiError('MalformedQueryString', message)
}

function descend(root: FormNode, path: string[]): FormNode {
  let node = root
  for (const part of path) {
    let child = node.children.get(part)
    if (child === undefined) {
      child = { children: new Map() }
      node.children.set(part, child)
    }
    node = child
  }
  return node
}

/** What lies below it stays: a parameter that no operation has. */
function take({ children }: FormNode, name: string): string | undefined {
  const node = children.get(name)
  if (node === undefined) return undefined
  const { value } = node
  if (node.children.size === 0) children.delete(name)
  else delete node.value
  return value
}
