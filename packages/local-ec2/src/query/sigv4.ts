/**
 * Checking AWS Signature Version 4, as the far end of the SDK: in the `Authorization` header or in the
 * query of a presigned request.
 *
 * The checks and their words come in AWS's own order. Neither EC2 nor STS knows unsigned payloads, and
 * neither heeds `X-Amz-Expires`: what is presigned for them lives for 15 minutes.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

import type { Credential } from '../identity/credential.ts'
import { canonicalForms, queryOf, sha256, type SignedRequest } from './canonical.ts'
import { readClaim, type Refusal, type RefusalKind } from './claim.ts'

export interface Verifier {
  region: string
  services: ReadonlySet<string>
  /** The one that a request is meant for if its scope does not name one of them. */
  expected: string
  credentialOf: (accessKeyId: string) => Credential | undefined
  /** In ms since the epoch. */
  now: number
}

export type Verdict =
  | { service: string; credential: Credential }
  | { service?: string; refusal: Refusal }

const algorithm = 'AWS4-HMAC-SHA256'
const maxSkewMin = 15
const invalidToken = 'The security token included in the request is invalid'

export function verify(request: SignedRequest, verifier: Verifier): Verdict {
  const query = queryOf(request.target)
  const claim = readClaim(request, query)
  if ('kind' in claim) return { refusal: claim }
  const { signedHeaders, token } = claim
  const parts = claim.scope.split('/')
  const [accessKeyId = '', day = '', region = '', service = '', terminator = ''] = parts
  const known = verifier.services.has(service) ? { service } : {}
  const refuse = (kind: RefusalKind, detail: string): Verdict => ({
    ...known,
    refusal: { kind, detail },
  })

  const time = parseTimestamp(claim.timestamp)
  if (time === undefined) {
    return refuse(
      'incomplete',
      `Date must be in ISO-8601 'basic format'. Got '${claim.timestamp}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    )
  }
  const late = describeSkew(time, verifier.now)
  if (late !== undefined) return refuse('clock', late)
  const unsigned = mustBeSigned(request).find((name) => !signedHeaders.includes(name))
  if (unsigned !== undefined) {
    const name = unsigned === 'host' ? `'Host' or ':authority'` : `'${unsigned}'`
    return refuse('scope', `${name} must be a 'SignedHeader' in the AWS Authorization.`)
  }
  if (claim.algorithm !== algorithm) {
    const detail = `Unsupported AWS 'algorithm': '${claim.algorithm}' (only ${algorithm} for now). `
    return refuse('incomplete', detail)
  }
  if (parts.length !== 5) {
    return refuse(
      'incomplete',
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${claim.scope}'`,
    )
  }
  const wrong: string[] = []
  const today = formatTime(time).slice(0, 8)
  if (region !== verifier.region) wrong.push('Credential should be scoped to a valid region.')
  if (!verifier.services.has(service)) {
    wrong.push(`Credential should be scoped to correct service: '${verifier.expected}'.`)
  }
  if (terminator !== 'aws4_request') {
    wrong.push(
      `Credential should be scoped with a valid terminator: 'aws4_request', not '${terminator}'.`,
    )
  }
  if (day !== today) {
    wrong.push(
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${day}' != '${today}', from '${formatTime(time)}'.`,
    )
  }
  if (wrong.length > 0) return refuse('scope', wrong.join(' '))

  const credential = verifier.credentialOf(accessKeyId)
  if (credential === undefined) return refuse('unknown-key', `${invalidToken}.`)
  const scope = parts.slice(1)
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${credential.secretAccessKey}`)
  const matches = canonicalForms(request, query, signedHeaders).some((form) => {
    const text = [algorithm, formatTime(time), scope.join('/'), sha256(form)].join('\n')
    return equal(hmac(key, text).toString('hex'), claim.signature)
  })
  if (!matches) {
    return refuse(
      'mismatch',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    )
  }
  // Lasting credentials have no token: one that is sent with them belongs to somebody else.
  if (!equal(token ?? '', credential.session?.token ?? '')) return refuse('token', invalidToken)
  if (verifier.now >= credential.expires) {
    return refuse('expired', 'The security token included in the request is expired')
  }
  return { service, credential }
}

function describeSkew(time: number, now: number): string | undefined {
  const span = maxSkewMin * 60_000
  if (time < now - span) {
    return `Signature expired: ${formatTime(time)} is now earlier than ${formatTime(now - span)} (${formatTime(now)} - ${maxSkewMin} min.)`
  }
  if (time > now + span) {
    return `Signature not yet current: ${formatTime(time)} is still later than ${formatTime(now + span)} (${formatTime(now)} + ${maxSkewMin} min.)`
  }
  return undefined
}

function mustBeSigned({ headers }: SignedRequest): string[] {
  return ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))]
}

/** ISO 8601 without punctuation, or the form of the `Date` header. */
function parseTimestamp(text: string): number | undefined {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  const isDate = iso !== text || /^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$/.test(text)
  const time = isDate ? Date.parse(iso) : Number.NaN
  return Number.isNaN(time) ? undefined : time
}

function formatTime(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+|[-:]/g, '')
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest()
}
