/** Whether a caller may do what a call demands; what is said if not. */
import type { Authority, Demand } from '../actions/action.ts'
import { evaluate, mightAllow } from '../policy/evaluate.ts'
import type { Keys } from '../policy/pattern.ts'
import { ApiError } from '../query/api-error.ts'
import type { Call } from '../query/service.ts'
import { accountId, ec2Arn } from '../world/account.ts'
import { region } from '../world/network.ts'
import { type Denial, describeDenial } from './denial.ts'
import type { Seal } from './seal.ts'

/** What every principal may do, whatever its policies say. */
const free = new Set(['sts:GetCallerIdentity', 'sts:GetSessionToken'])

export function createAuthority(seal: Seal): Authority {
  return {
    require(call, demands) {
      const denial = firstDenial(call, demands)
      if (denial !== undefined) throw refusal(call, denial, seal)
    },
    bars(call) {
      const { principal, session } = call.credential
      const action = `${call.service}:${call.action}`
      const sets = [principal.policies, session?.policy && [session.policy]]
      return !free.has(action) && sets.some((set) => set !== undefined && !mightAllow(set, action))
    },
  }
}

function firstDenial(call: Call, demands: readonly Demand[]): Denial | undefined {
  const { principal, session } = call.credential
  if (principal.policies === undefined && session?.policy === undefined) return undefined
  for (const { action = `${call.service}:${call.action}`, resource, context: own } of demands) {
    if (free.has(action)) continue
    const context = { ...contextOf(call, resource), ...own }
    const question = { action, resource: arnOf(resource), keys: keysOf(context) }
    for (const [kind, policies] of [
      ['identity-based', principal.policies],
      ['session', session?.policy && [session.policy]],
    ] as const) {
      if (policies === undefined) continue
      const answer = evaluate(policies, question)
      if (answer.is === 'allowed') continue
      return { ...question, context, kind, by: answer.is === 'denied' ? answer.by : undefined }
    }
  }
  return undefined
}

function arnOf(resource: string): string {
  return resource === '*' || resource.startsWith('arn:') ? resource : ec2Arn(resource)
}

/** What every call comes with. */
function contextOf(call: Call, resource: string): Demand['context'] {
  const { credential, time, sourceIp, userAgent } = call
  const { principal, session } = credential
  return {
    'aws:CurrentTime': iso(time),
    'aws:EpochTime': Math.floor(time / 1000),
    'aws:PrincipalAccount': accountId,
    'aws:PrincipalArn': principal.principalArn,
    'aws:PrincipalIsAWSService': false,
    'aws:PrincipalType': principal.type,
    'aws:RequestedRegion': region,
    // It stands for one that is only reached over TLS.
    'aws:SecureTransport': true,
    'aws:SourceIp': sourceIp.replace(/^::ffff:/i, ''),
    'aws:ViaAWSService': false,
    'aws:userid': principal.userId,
    'ec2:Region': region,
    ...(resource !== '*' && { 'aws:ResourceAccount': accountId }),
    // Nobody here has a second factor; lasting keys do not even say so.
    ...(session !== undefined && {
      'aws:MultiFactorAuthPresent': false,
      'aws:TokenIssueTime': iso(session.issued),
    }),
    ...(userAgent !== undefined && { 'aws:UserAgent': userAgent }),
    ...(principal.userName !== undefined && { 'aws:username': principal.userName }),
    ...Object.fromEntries(
      [...principal.tags].map(([key, value]) => [`aws:PrincipalTag/${key}`, value]),
    ),
  }
}

function iso(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+/, '')
}

/** The names of condition keys, those of tags in them included, have no case. */
function keysOf(context: Demand['context']): Keys {
  return new Map(
    Object.entries(context).map(([key, value]) => [
      key.toLowerCase(),
      typeof value === 'object' ? value : [String(value)],
    ]),
  )
}

function refusal(call: Call, denial: Denial, seal: Seal): ApiError {
  const { principal } = call.credential
  const { action, resource, kind, by } = denial
  const on = resource === '*' ? '' : ` on resource: ${resource}`
  const because =
    by === undefined
      ? `because no ${kind} policy allows the ${action} action`
      : `with an explicit deny in ${kind === 'session' ? 'a' : 'an'} ${kind} policy`
  const sentence = `User: ${principal.arn} is not authorized to perform: ${action}${on} ${because}`
  // What EC2 asks of another service in the caller's name, it tells in fewer words.
  if (action.startsWith('ssm:')) return new ApiError('SsmAccessDenied', 'Access denied to SSM')
  if (call.service !== 'ec2') return new ApiError('AccessDenied', sentence)
  const words = `You are not authorized to perform this operation. ${sentence}`
  // Only calls that change something are told more, and that only in a form which others must open.
  if (/^(Describe|Get)/.test(call.action)) return new ApiError('UnauthorizedOperation', words)
  const sealed = seal.close(describeDenial(principal, denial))
  return new ApiError(
    'UnauthorizedOperation',
    `${words}. Encoded authorization failure message: ${sealed}`,
  )
}
