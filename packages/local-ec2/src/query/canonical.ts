/** A request in the form in which it is signed. */
import { createHash } from 'node:crypto'

export interface SignedRequest {
  method: string
  /** Path and query, as it stands in the request line. */
  target: string
  /** Every value of every header, by its name in lower case. */
  headers: Readonly<Record<string, readonly string[] | undefined>>
  body: Uint8Array
}

export type Query = readonly (readonly [name: string, value: string])[]

export function queryOf(target: string): Query {
  const start = target.indexOf('?')
  return start === -1 ? [] : [...new URLSearchParams(target.slice(start))]
}

/** Several, because a client may or may not have signed a port that the protocol implies. */
export function canonicalForms(
  request: SignedRequest,
  query: Query,
  signedHeaders: string[],
): string[] {
  const { method, target, headers, body } = request
  const parameters = query
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [percentEncode(name), percentEncode(value)] as const)
    .toSorted(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
  const names = [...new Set(signedHeaders.map((name) => name.toLowerCase()))].toSorted(compare)
  const host = header(headers, 'host')
  return [...new Set([host, host.replace(/:(80|443)$/, '')])].map((hostname) => {
    const lines = names.map(
      (name) => `${name}:${name === 'host' ? hostname : header(headers, name)}\n`,
    )
    const path = canonicalPath(target)
    return [method, path, parameters, lines.join(''), names.join(';'), sha256(body)].join('\n')
  })
}

/** Without empty, `.` and `..` segments; percent-encoded once more, as everywhere but in S3. */
function canonicalPath(target: string): string {
  const [path = ''] = target.replace(/^https?:\/\/[^/?]*/i, '').split('?', 1)
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(percentEncode(segment))
  }
  const end = path.endsWith('/') && segments.length > 0 ? '/' : ''
  return `/${segments.join('/')}${end}`
}

export function header(headers: SignedRequest['headers'], name: string): string {
  return (headers[name] ?? []).map((value) => value.trim().replace(/ +/g, ' ')).join(',')
}

function percentEncode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}
