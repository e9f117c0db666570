/** What a request says of its own signature, in the `Authorization` header or in its query. */
import { header, type Query, type SignedRequest } from './canonical.ts'

/** Why a request is not believed; which error that is differs between services. */
export type RefusalKind =
  /** No signature at all. */
  | 'unsigned'
  /** Something that is no signature. */
  | 'incomplete'
  /** Signed too long ago or in the future. */
  | 'clock'
  /** Signed for another region, service or day, or not signed as a whole. */
  | 'scope'
  | 'unknown-key'
  | 'mismatch'
  /** The session token is missing, or another's. */
  | 'token'
  /** The credentials were good once. */
  | 'expired'

export interface Refusal {
  kind: RefusalKind
  /** What is wrong, in AWS's words. */
  detail: string
}

/** What a request says of itself. */
export interface Claim {
  algorithm: string
  /** `KEY/DAY/REGION/SERVICE/aws4_request` */
  scope: string
  signedHeaders: string[]
  signature: string
  timestamp: string
  token: string | undefined
}

/** A query as it was written, without the parameters that sign it. */
export function unsignedQuery(query: string): string {
  const pairs = query.split('&')
  return pairs.filter((pair) => !signing.has(pair.split('=', 1)[0] ?? '')).join('&')
}

const signing = new Set([
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-Security-Token',
  'X-Amz-Signature',
  'X-Amz-SignedHeaders',
])

export function readClaim(request: SignedRequest, query: Query): Claim | Refusal {
  const authorization = header(request.headers, 'authorization')
  const presigned = query.some(([name]) => name === 'X-Amz-Algorithm')
  if (presigned && authorization !== '') {
    return {
      kind: 'incomplete',
      detail: `Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.`,
    }
  }
  if (presigned) return readQuery(query)
  if (authorization !== '') return readHeader(authorization, request)
  return { kind: 'unsigned', detail: 'Request is missing Authentication Token' }
}

function readQuery(query: Query): Claim | Refusal {
  const fields = new Map(query.filter(([name]) => signing.has(name)))
  const missing = [
    'X-Amz-Algorithm',
    'X-Amz-Credential',
    'X-Amz-Signature',
    'X-Amz-SignedHeaders',
    'X-Amz-Date',
  ].filter((name) => !fields.get(name))
  if (missing.length > 0) {
    const sentences = missing.map((name) => `AWS query-string parameters must include '${name}'. `)
    const detail = `${sentences.join('')}Re-examine the query-string parameters.`
    return { kind: 'incomplete', detail }
  }
  const twice = query.filter(([name]) => signing.has(name)).length > fields.size
  const seconds = fields.get('X-Amz-Expires')
  // Not heeded, but no client means such a thing.
  const lifetime = seconds === undefined || (/^\d{1,6}$/.test(seconds) && Number(seconds) > 0)
  if (twice || !lifetime || Number(seconds ?? 1) > 604_800) {
    return { kind: 'incomplete', detail: 'Re-examine the query-string parameters.' }
  }
  return {
    algorithm: fields.get('X-Amz-Algorithm') ?? '',
    scope: fields.get('X-Amz-Credential') ?? '',
    signedHeaders: (fields.get('X-Amz-SignedHeaders') ?? '').split(';'),
    signature: fields.get('X-Amz-Signature') ?? '',
    timestamp: fields.get('X-Amz-Date') ?? '',
    token: fields.get('X-Amz-Security-Token'),
  }
}

function readHeader(authorization: string, { headers }: SignedRequest): Claim | Refusal {
  const [name = '', ...rest] = authorization.split(/\s+/)
  const fields = new Map(
    rest
      .join('')
      .split(',')
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )
  const timestamp = header(headers, 'x-amz-date') || header(headers, 'date')
  const missing = ['Credential', 'Signature', 'SignedHeaders']
    .filter((field) => !fields.get(field))
    .map((field) => `Authorization header requires '${field}' parameter. `)
  if (timestamp === '') {
    missing.push(
      `Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. `,
    )
  }
  if (missing.length > 0) {
    // Only its first word: what follows may be somebody's secret.
    return { kind: 'incomplete', detail: `${missing.join('')}Authorization=${name}` }
  }
  return {
    algorithm: name,
    scope: fields.get('Credential') ?? '',
    signedHeaders: (fields.get('SignedHeaders') ?? '').split(';'),
    signature: fields.get('Signature') ?? '',
    timestamp,
    token: headers['x-amz-security-token']?.join(','),
  }
}
