/**
 * Checking AWS Signature Version 4, as the far end of the SDK.
 *
 * Only the `Authorization` header is understood; a presigned query string counts as unsigned.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** Why a request is not believed; what it is called to the caller differs between services. */
export type Refusal =
  | 'unsigned'
  | 'malformed'
  | 'expired'
  | 'unknown-key'
  | 'wrong-scope'
  | 'mismatch'

export interface SignedRequest {
  method: string
  /** Path and query, as it stands in the request line. */
  target: string
  headers: IncomingHttpHeaders
  body: Uint8Array
}

export interface Verifier {
  region: string
  services: ReadonlySet<string>
  secretOf: (accessKeyId: string) => string | undefined
}

export type Verdict =
  | { service: string; accessKeyId: string }
  | { service?: string; refusal: Refusal }

const maxSkewMs = 15 * 60_000

export function verify(
  request: SignedRequest,
  verifier: Verifier,
  now: number = Date.now(),
): Verdict {
  const { authorization } = request.headers
  if (authorization === undefined) return { refusal: 'unsigned' }
  const claim = parseAuthorization(authorization)
  if (claim === undefined) return { refusal: 'malformed' }
  const { accessKeyId, day, region, service, signedHeaders, signature } = claim
  const refuse = (refusal: Refusal): Verdict => ({ service, refusal })

  const timestamp = header(request.headers, 'x-amz-date')
  const time = parseTimestamp(timestamp)
  if (time === undefined || !timestamp.startsWith(day)) return refuse('malformed')
  if (!signedHeaders.includes('host') || !signedHeaders.includes('x-amz-date')) {
    return refuse('malformed')
  }
  if (Math.abs(now - time) > maxSkewMs) return refuse('expired')
  const secret = verifier.secretOf(accessKeyId)
  // Our keys are lasting ones: a session token belongs to somebody else's.
  if (secret === undefined || request.headers['x-amz-security-token'] !== undefined) {
    return refuse('unknown-key')
  }
  if (region !== verifier.region || !verifier.services.has(service)) return refuse('wrong-scope')

  const scope = `${day}/${region}/${service}/aws4_request`
  const text = `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${sha256(canonical(request, signedHeaders))}`
  const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secret}`)
  const matches = timingSafeEqual(hmac(key, text), Buffer.from(signature, 'hex'))
  return matches ? { service, accessKeyId } : refuse('mismatch')
}

function parseAuthorization(authorization: string) {
  const match =
    /^AWS4-HMAC-SHA256 +Credential=(?<accessKeyId>[^/,\s]+)\/(?<day>\d{8})\/(?<region>[^/,\s]+)\/(?<service>[^/,\s]+)\/aws4_request, *SignedHeaders=(?<signedHeaders>[^,\s]+), *Signature=(?<signature>[0-9a-f]{64})$/.exec(
      authorization,
    )
  const { accessKeyId, day, region, service, signedHeaders, signature } = match?.groups ?? {}
  if (!accessKeyId || !day || !region || !service || !signedHeaders || !signature) return undefined
  return { accessKeyId, day, region, service, signature, signedHeaders: signedHeaders.split(';') }
}

function parseTimestamp(text: string): number | undefined {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  const time = iso === text ? Number.NaN : Date.parse(iso)
  return Number.isNaN(time) ? undefined : time
}

function canonical(
  { method, target, headers, body }: SignedRequest,
  signedHeaders: string[],
): string {
  const url = new URL(target, 'http://localhost')
  const query = [...url.searchParams]
    .map(([name, value]) => [percentEncode(name), percentEncode(value)] as const)
    .toSorted(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
  const lines = signedHeaders.map((name) => `${name}:${header(headers, name)}\n`).join('')
  return [method, url.pathname, query, lines, signedHeaders.join(';'), sha256(body)].join('\n')
}

function header(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name] ?? ''
  return (Array.isArray(value) ? value.join(',') : value).trim().replace(/ +/g, ' ')
}

function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest()
}
