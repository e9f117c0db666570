/** A denial in detail, as DecodeAuthorizationMessage tells it. */
import type { Demand } from '../actions/action.ts'
import type { Statement } from '../policy/document.ts'
import type { Question } from '../policy/evaluate.ts'
import type { Principal } from './credential.ts'

export interface Denial extends Question {
  /** The condition keys as AWS spells them. */
  readonly context: Demand['context']
  readonly kind: 'identity-based' | 'session'
  /** The statement that denies it; `undefined` where none allows it. */
  readonly by: Statement | undefined
}

const items = <T>(list: readonly T[]): { items: readonly T[] } => ({ items: list })
const values = (list: readonly string[]): object => items(list.map((value) => ({ value })))

/** JSON, as AWS words it. */
export function describeDenial(
  principal: Principal,
  { by, action, resource, context }: Denial,
): string {
  const [id = ''] = principal.userId.split(':')
  const statements = by === undefined ? [] : [by]
  return JSON.stringify({
    allowed: false,
    explicitDeny: by !== undefined,
    matchedStatements: items(
      statements.map(({ sid, source, conditions }) => ({
        statementId: sid,
        effect: 'DENY',
        principals: values([id]),
        principalGroups: items([]),
        actions: values(source.actions),
        resources: values(source.resources),
        conditions: items(conditions.map(({ key, wanted }) => ({ key, values: values(wanted) }))),
      })),
    ),
    failures: items([]),
    context: {
      principal: { id: principal.userId, arn: principal.arn },
      action,
      resource,
      conditions: items(
        Object.entries(context).map(([key, value]) => ({
          key,
          values: values(typeof value === 'object' ? value : [String(value)]),
        })),
      ),
    },
  })
}
