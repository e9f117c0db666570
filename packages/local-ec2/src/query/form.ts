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

/** Deeper than any AWS input, shallow enough that a hostile key costs nothing. */
const maxDepth = 32

/** @throws {ApiError} `MalformedQueryString` for a parameter that is there twice or is nested absurdly deep */
export function parseForm(text: string): Form {
  const parameters: FormNode = { children: new Map() }
  for (const [key, value] of new URLSearchParams(text)) {
    const path = key.split('.', maxDepth + 1)
    if (path.length > maxDepth) {
      throw new ApiError('MalformedQueryString', 'The query string has a parameter nested too deep')
    }
    const node = descend(parameters, path)
    if (node.value !== undefined) {
      throw new ApiError('MalformedQueryString', `The parameter ${key} is given more than once`)
    }
    node.value = value
  }
  const action = parameters.children.get('Action')?.value
  const version = parameters.children.get('Version')?.value
  parameters.children.delete('Action')
  parameters.children.delete('Version')
  return { action, version, parameters }
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
