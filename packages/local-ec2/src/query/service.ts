/** One AWS service as the wire sees it: a dialect, a model, and somebody who answers. */
import * as ec2 from '@aws-sdk/client-ec2'
import * as sts from '@aws-sdk/client-sts'

import { type Dialect, ec2Dialect, queryDialect } from './dialect.ts'
import { type Operation, operationsOf } from './operation.ts'
import type { Refusal } from './sigv4.ts'

/** A request whose signature holds. */
export interface Call {
  /** As it is called in the scope of a signature. */
  readonly service: string
  /** Such as `RunInstances`. */
  readonly action: string
  /** Who signed it. */
  readonly accessKeyId: string
}

/** Answers one action; `undefined` for an action that AWS has and we do not. */
export type Handlers = (action: string) => Handler | undefined
export type Handler = (input: Record<string, unknown>, call: Call) => unknown

export interface Service {
  /** As it is called in the scope of a signature. */
  readonly name: string
  readonly dialect: Dialect
  readonly namespace: string
  readonly version: string
  readonly operations: ReadonlyMap<string, Operation>
  readonly handlers: Handlers
  readonly refusals: Readonly<Record<Refusal, readonly [code: string, message: string]>>
}

const unsigned = ['MissingAuthenticationToken', 'Request is missing Authentication Token'] as const
const authFailure = [
  'AuthFailure',
  'AWS was not able to validate the provided access credentials',
] as const

export function ec2Service(handlers: Handlers): Service {
  return {
    name: 'ec2',
    dialect: ec2Dialect,
    namespace: 'http://ec2.amazonaws.com/doc/2016-11-15/',
    version: '2016-11-15',
    operations: operationsOf(ec2),
    handlers,
    refusals: {
      unsigned,
      expired: ['RequestExpired', 'Request has expired.'],
      malformed: authFailure,
      'unknown-key': authFailure,
      'wrong-scope': authFailure,
      mismatch: authFailure,
    },
  }
}

export function stsService(handlers: Handlers): Service {
  return {
    name: 'sts',
    dialect: queryDialect,
    namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    version: '2011-06-15',
    operations: operationsOf(sts),
    handlers,
    refusals: {
      unsigned,
      expired: ['SignatureDoesNotMatch', 'Signature expired'],
      malformed: ['IncompleteSignature', 'The Authorization header is not a valid signature'],
      'unknown-key': [
        'InvalidClientTokenId',
        'The security token included in the request is invalid.',
      ],
      'wrong-scope': [
        'SignatureDoesNotMatch',
        'Credential should be scoped to a valid region and service.',
      ],
      mismatch: [
        'SignatureDoesNotMatch',
        'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
      ],
    },
  }
}
