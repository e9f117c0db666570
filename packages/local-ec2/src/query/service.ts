/** One AWS service as the wire sees it: a dialect, a model, and somebody who answers. */
import type { Credential } from '../identity/credential.ts'
import type { RefusalKind } from './claim.ts'
import { type Dialect, ec2Dialect, queryDialect } from './dialect.ts'
import { type Operation, readModel } from './model.ts'

/** A request whose signature holds. */
export interface Call {
  /** As it is called in the scope of a signature. */
  readonly service: string
  /** Such as `RunInstances`. */
  readonly action: string
  /** Who signed it. */
  readonly credential: Credential
  /** When it arrived, in ms since the epoch. */
  readonly time: number
  /** The address it came from. */
  readonly sourceIp: string
  readonly userAgent: string | undefined
}

/** Answers one action; `undefined` for an action that AWS has and we do not. */
export type Handlers = (action: string) => Handler | undefined
type Handler = (input: Record<string, unknown>, call: Call) => unknown

export interface Service {
  /** As it is called in the scope of a signature. */
  readonly name: string
  readonly dialect: Dialect
  readonly namespace: string
  readonly version: string
  readonly operations: ReadonlyMap<string, Operation>
  readonly handlers: Handlers
  /** Actions that are called by those who have no credentials yet. */
  readonly unsigned: ReadonlySet<string>
  /** What a request that is not believed is answered; without a message, what is wrong with it. */
  readonly refusals: Readonly<Record<RefusalKind, readonly [code: string, message?: string]>>
}

const authFailure = [
  'AuthFailure',
  'AWS was not able to validate the provided access credentials',
] as const

/** EC2 says so of old requests, of requests from the future, and of credentials that have expired. */
const expired = ['RequestExpired', 'Request has expired.'] as const

export function ec2Service(handlers: Handlers): Service {
  return {
    name: 'ec2',
    dialect: ec2Dialect,
    namespace: 'http://ec2.amazonaws.com/doc/2016-11-15/',
    version: '2016-11-15',
    operations: readModel('ec2'),
    handlers,
    unsigned: new Set(),
    refusals: {
      unsigned: ['MissingAuthenticationToken'],
      incomplete: authFailure,
      clock: expired,
      scope: authFailure,
      'unknown-key': authFailure,
      mismatch: authFailure,
      token: authFailure,
      expired,
    },
  }
}

export function stsService(handlers: Handlers): Service {
  return {
    name: 'sts',
    dialect: queryDialect,
    namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    version: '2011-06-15',
    operations: readModel('sts'),
    handlers,
    unsigned: new Set(['AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity']),
    refusals: {
      unsigned: ['MissingAuthenticationToken'],
      incomplete: ['IncompleteSignature'],
      clock: ['SignatureDoesNotMatch'],
      scope: ['SignatureDoesNotMatch'],
      'unknown-key': ['InvalidClientTokenId'],
      mismatch: ['SignatureDoesNotMatch'],
      token: ['InvalidClientTokenId'],
      expired: ['ExpiredToken'],
    },
  }
}
