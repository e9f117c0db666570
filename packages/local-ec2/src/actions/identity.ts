/** STS: GetCallerIdentity, AssumeRole, GetSessionToken, DecodeAuthorizationMessage. */
import type { Credential } from '../identity/credential.ts'
import { rolePrincipal } from '../identity/directory.ts'
import { ApiError } from '../query/api-error.ts'
import type { StsActions } from './action.ts'
import {
  readDuration,
  readRoleArn,
  readSessionName,
  readSessionTags,
} from './identity/parameters.ts'
import { readSessionPolicy } from './identity/session-policy.ts'

const hour = 3600

export const identityActions: StsActions = {
  GetCallerIdentity: {
    accepts: {},
    plan:
      (_, { accountId }, { credential: { principal } }) =>
      () => ({ Account: accountId, Arn: principal.arn, UserId: principal.userId }),
  },

  AssumeRole: {
    accepts: {
      RoleArn: true,
      RoleSessionName: true,
      DurationSeconds: true,
      Policy: true,
      Tags: true,
      ExternalId: true,
    },
    plan(input, { directory }, { credential, time }) {
      const arn = readRoleArn(input.RoleArn)
      const sessionName = readSessionName(input.RoleSessionName)
      const seconds = readDuration(input.DurationSeconds, { max: 12 * hour, usual: hour })
      const policy = readSessionPolicy(input.Policy)
      const { tags, demands } = readSessionTags(input.Tags, arn)
      const role = directory.findRole(arn)
      return {
        demands: [
          {
            resource: arn,
            context: {
              'sts:RoleSessionName': sessionName,
              ...(input.ExternalId !== undefined && { 'sts:ExternalId': input.ExternalId }),
            },
          },
          ...demands,
        ],
        commit() {
          if (role === undefined) throw notTrusted(credential, arn)
          checkDuration(seconds, role.maxSessionSeconds, credential)
          const session = directory.openSession(
            rolePrincipal(role, sessionName, tags),
            { issued: time, policy },
            time + seconds * 1000,
          )
          const { arn: Arn, userId: AssumedRoleId } = session.principal
          return {
            Credentials: show(session),
            AssumedRoleUser: { Arn, AssumedRoleId },
            ...(input.Policy !== undefined && {
              PackedPolicySize: Math.ceil((input.Policy.length * 100) / 2048),
            }),
          }
        },
      }
    },
  },

  GetSessionToken: {
    accepts: { DurationSeconds: true },
    plan(input, { directory }, { credential: { principal, session }, time }) {
      const seconds = readDuration(input.DurationSeconds, { max: 36 * hour, usual: 12 * hour })
      if (session !== undefined) {
        throw new ApiError('AccessDenied', 'Cannot call GetSessionToken with session credentials')
      }
      return () => {
        const opened = { issued: time, policy: undefined }
        const expires = time + seconds * 1000
        return { Credentials: show(directory.openSession(principal, opened, expires)) }
      }
    },
  },

  DecodeAuthorizationMessage: {
    accepts: { EncodedMessage: true },
    plan:
      ({ EncodedMessage: sealed = '' }, { directory }) =>
      () => {
        const message = directory.seal.open(sealed)
        if (message !== undefined) return { DecodedMessage: message }
        throw new ApiError('InvalidAuthorizationMessageException', 'Message is not valid')
      },
  },
}

/** Also for a role that does not exist: a caller cannot tell the two apart. */
function notTrusted({ principal }: Credential, arn: string): ApiError {
  return new ApiError(
    'AccessDenied',
    `User: ${principal.arn} is not authorized to perform: sts:AssumeRole on resource: ${arn}`,
  )
}

function checkDuration(seconds: number, max: number, { session }: Credential): void {
  if (session !== undefined && seconds > hour) {
    throw new ApiError(
      'ValidationError',
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    )
  }
  if (seconds > max) {
    throw new ApiError(
      'ValidationError',
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    )
  }
}

function show({ accessKeyId, secretAccessKey, session, expires }: Credential): {
  AccessKeyId: string
  SecretAccessKey: string
  SessionToken: string
  Expiration: Date
} {
  return {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: session?.token ?? '',
    Expiration: new Date(Math.floor(expires / 1000) * 1000),
  }
}
