/**
 * What an action is: which parameters it models, and a plan that is carried out in a second step.
 *
 * The two steps keep a refused call from doing half of its work. Between them lie what the caller must
 * be allowed to do, and DryRun. Inputs and outputs are typed by the SDK's own commands.
 */
import type * as ec2 from '@aws-sdk/client-ec2'
import type * as sts from '@aws-sdk/client-sts'

import { ApiError } from '../query/api-error.ts'
import type { Call, Handlers } from '../query/service.ts'
import type { World } from '../world/world.ts'

/** `true` for a parameter that is modelled with everything below it. */
type Accepts<Input> =
  | true
  | (Input extends readonly (infer Item)[]
      ? Accepts<Item>
      : Input extends object
        ? { [Member in keyof Input]?: Accepts<NonNullable<Input[Member]>> }
        : never)

interface Action<Input, Output> {
  readonly accepts: Accepts<Input>
  /** Checks what was asked for, and changes nothing. */
  plan(input: Input, world: World, call: Call): Plan<Output>
}

/** What does the work, alone if being allowed the action itself, on `*`, is enough for it. */
export type Plan<Output> = (() => Output) | DemandingPlan<Output>

interface DemandingPlan<Output> {
  /** All of them must be allowed. */
  demands: readonly Demand[]
  /** What else stands in the way, of which only those hear who are allowed to do it. */
  check?: () => void
  commit: () => Output
}

/** One thing that the caller must be allowed to do: an action on a resource in a context. */
export interface Demand {
  /**
   * Such as `ec2:CreateTags`, where it is not the action that was called.
   */
  action?: string
  /** The end of EC2's ARN, such as `instance/i-0123…` or, for one that is yet to be made, `instance/*`; or a whole ARN. */
  resource: string
  /** Condition keys that are particular to it; those of the whole call are added later. */
  context: Readonly<Record<string, string | number | boolean | readonly string[]>>
}

type AnyCommand = abstract new (...parameters: never[]) => { input: object }
type InputOf<Command extends AnyCommand> = InstanceType<Command>['input']
type OutputOf<Command extends AnyCommand> =
  InstanceType<Command> extends {
    resolveMiddleware: (
      ...parameters: never[]
    ) => (...parameters: never[]) => Promise<{ output: infer Output }>
  }
    ? Omit<Output & object, '$metadata'>
    : never

type ActionsOf<Sdk> = {
  // `$Command` is their base class.
  [
    Name in Exclude<keyof Sdk, '$Command'> as Name extends `${infer Verb}Command` ? Verb : never
  ]?: Sdk[Name] extends AnyCommand ? Action<InputOf<Sdk[Name]>, OutputOf<Sdk[Name]>> : never
}

export type Ec2Actions = ActionsOf<typeof ec2>
export type StsActions = ActionsOf<typeof sts>

type Shape = true | { [member: string]: Shape | undefined }

/** Any action, its types forgotten: the wire has checked the input against the model. */
interface AnyAction {
  readonly accepts: Shape
  plan(input: object, world: World, call: Call): Plan<unknown>
}

/** Who decides what a caller may do. */
export interface Authority {
  /** @throws {ApiError} unless all of them are allowed */
  require(call: Call, demands: readonly Demand[]): void
  /** Whether nothing allows the caller this action, on whatever: then it may not even learn what there is. */
  bars(call: Call): boolean
}

const everythingIsAllowed: Authority = { require: () => {}, bars: () => false }

export function handlersOf(
  actions: Record<string, AnyAction>,
  world: World,
  authority: Authority = everythingIsAllowed,
): Handlers {
  const known = new Map(Object.entries(actions))
  return (name) => {
    const action = known.get(name)
    if (action === undefined) return undefined
    return (input, call) => {
      refuseUnmodelled(name, action.accepts, input)
      const plan = planFor(() => action.plan(input, world, call), call, authority)
      const { demands, check, commit } =
        typeof plan === 'function' ? { demands: [anything], commit: plan } : plan
      authority.require(call, demands)
      check?.()
      if (input['DryRun'] === true) {
        throw new ApiError(
          'DryRunOperation',
          'Request would have succeeded, but DryRun flag is set.',
        )
      }
      return commit()
    }
  }
}

const anything: Demand = { resource: '*', context: {} }

function planFor(plan: () => Plan<unknown>, call: Call, authority: Authority): Plan<unknown> {
  try {
    return plan()
  } catch (error) {
    const tells = /NotFound|Duplicate|InUse|DependencyViolation|^Incorrect/
    if (error instanceof ApiError && tells.test(error.code) && authority.bars(call)) {
      authority.require(call, [anything])
    }
    throw error
  }
}

/** A parameter that is silently ignored would be a wrong success. */
function refuseUnmodelled(path: string, accepts: Shape, value: unknown): void {
  if (accepts === true || typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const item of value) refuseUnmodelled(path, accepts, item)
    return
  }
  for (const [member, inner] of Object.entries(value)) {
    const shape = accepts[member]
    if (shape === undefined) {
      throw new ApiError(
        'UnsupportedOperation',
        `${path}.${member} is not implemented by this local endpoint.`,
      )
    }
    refuseUnmodelled(`${path}.${member}`, shape, inner)
  }
}
