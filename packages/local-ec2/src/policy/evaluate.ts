/**
 * What policies say of one action on one resource.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
 */
import type { Policy, Selection, Statement } from './document.ts'
import { splitArnText } from './operators.ts'
import { endsOpen, type Keys, matches, type Pattern } from './pattern.ts'

export interface Question {
  /** Such as `ec2:RunInstances`. */
  action: string
  /** An ARN, or `*` for an action that is about nothing in particular. */
  resource: string
  keys: Keys
}

/** `allowed` by a statement, `denied` by one, or neither: which is a denial too. */
export type Answer = { is: 'allowed' | 'denied'; by: Statement } | { is: 'neither' }

export function evaluate(policies: readonly Policy[], question: Question): Answer {
  const applying = policies
    .flatMap(({ statements }) => statements)
    .filter((statement) => applies(statement, question))
  const denying = applying.find(({ effect }) => effect === 'Deny')
  if (denying !== undefined) return { is: 'denied', by: denying }
  const [allowing] = applying
  return allowing === undefined ? { is: 'neither' } : { is: 'allowed', by: allowing }
}

/** Whether there is anything that the action might be allowed on. */
export function mightAllow(policies: readonly Policy[], action: string): boolean {
  return policies
    .flatMap(({ statements }) => statements)
    .some(({ effect, actions }) => effect === 'Allow' && selectsAction(actions, action))
}

function applies({ actions, resources, conditions }: Statement, question: Question): boolean {
  const { action, resource, keys } = question
  return (
    selectsAction(actions, action) &&
    selectsResource(resources, resource, keys) &&
    conditions.every(({ holds }) => holds(keys))
  )
}

const noKeys: Keys = new Map()

function selectsAction({ not, patterns }: Selection, action: string): boolean {
  const parts = action.toLowerCase().split(':')
  const selected = patterns.some((pattern) =>
    pattern.every((part, index) => matches(part, parts[index] ?? '', noKeys)),
  )
  return selected !== not
}

function selectsResource({ not, patterns }: Selection, resource: string, keys: Keys): boolean {
  const parts = splitArnText(resource) ?? [resource]
  return patterns.some((pattern) => covers(pattern, parts, keys)) !== not
}

/** An asterisk that ends a part of an ARN reaches across colons; any other one does not. */
function covers(
  [pattern, ...patterns]: readonly Pattern[],
  parts: readonly string[],
  keys: Keys,
): boolean {
  if (pattern === undefined) return parts.length === 0
  const most = endsOpen(pattern) ? parts.length : 1
  return parts
    .slice(0, most)
    .some(
      (_, last) =>
        matches(pattern, parts.slice(0, last + 1).join(':'), keys) &&
        covers(patterns, parts.slice(last + 1), keys),
    )
}
