/** What can be struck: every action of this endpoint, and what its input may hold. */
import { wildcard } from '../actions/common/wildcard.ts'
import { ec2Actions, stsActions } from '../actions/index.ts'

/** `true` with everything below it. */
export type Accepts = true | { readonly [parameter: string]: Accepts | undefined }

export interface KnownAction {
  readonly service: string
  readonly name: string
  readonly accepts: Accepts
}

let known: readonly KnownAction[] | undefined

export function knownActions(): readonly KnownAction[] {
  known ??= [...namesOf('ec2', ec2Actions), ...namesOf('sts', stsActions)]
  return known
}

function namesOf(
  service: string,
  actions: Readonly<Record<string, { accepts: Accepts }>>,
): KnownAction[] {
  return Object.entries(actions).map(([name, { accepts }]) => ({ service, name, accepts }))
}

/** @param patterns such as `Describe*` or `ec2:RunInstances` */
export function matchesAction(
  patterns: string | readonly string[],
  { service, name }: { service: string; name: string },
): boolean {
  const list = typeof patterns === 'string' ? [patterns] : patterns
  return list.some((pattern) =>
    wildcard(pattern)(pattern.includes(':') ? `${service}:${name}` : name),
  )
}

/** Whether its answer may end in a token that leads on. */
export function isPaged(service: string, name: string): boolean {
  const action = knownActions().find((one) => one.service === service && one.name === name)
  return action !== undefined && action.accepts !== true && action.accepts['NextToken'] === true
}
