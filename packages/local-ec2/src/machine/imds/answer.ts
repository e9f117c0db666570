/**
 * What EC2's metadata service answers to one request.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
 */
import type { IncomingHttpHeaders } from 'node:http'

import type { MachineFacts } from '../machine.ts'
import type { Tokens } from './token.ts'
import { type Directory, isDirectory, type Leaf, versions } from './tree.ts'

export interface Question {
  method: string
  /** Path and query, as sent. */
  url: string
  headers: IncomingHttpHeaders
}

export interface Answer {
  status: number
  headers: Record<string, string>
  body: Leaf
}

/** The machine that asks. */
export interface Source {
  tree: Directory
  tokens: Tokens
  options: Pick<MachineFacts['metadata'], 'httpTokens' | 'httpEndpoint'>
}

const tokenHeader = 'x-aws-ec2-metadata-token'
const lifetimeHeader = `${tokenHeader}-ttl-seconds`
const tokenPath = '/latest/api/token'
const longestLifetime = 21_600

/** @param now in milliseconds */
export function answerTo({ method, url, headers }: Question, source: Source, now: number): Answer {
  const { options, tokens } = source
  if (options.httpEndpoint === 'disabled') return refuse(403)
  const path = url.split('?')[0] ?? ''
  if (path === tokenPath) {
    return method === 'PUT' ? issue(headers, tokens, now) : forbid('OPTIONS, PUT')
  }
  if (method !== 'GET' && method !== 'HEAD') return forbid('GET, HEAD')

  const token = headers[tokenHeader]
  if (token === undefined) {
    return options.httpTokens === 'required' ? unauthorized : find(path, source)
  }
  const seconds = typeof token === 'string' ? tokens.remaining(token, now) : undefined
  if (seconds === undefined) return unauthorized
  const answer = find(path, source)
  return { ...answer, headers: { ...answer.headers, [lifetimeHeader]: String(seconds) } }
}

function issue(headers: IncomingHttpHeaders, tokens: Tokens, now: number): Answer {
  // Who forwards what others send must not become their way in.
  if (headers['x-forwarded-for'] !== undefined) return refuse(403)
  const wish = headers[lifetimeHeader]
  const seconds = typeof wish === 'string' && /^\d{1,5}$/.test(wish) ? Number(wish) : 0
  if (seconds < 1 || seconds > longestLifetime) return refuse(400)
  return {
    status: 200,
    headers: { 'content-type': 'text/plain', [lifetimeHeader]: String(seconds) },
    body: tokens.issue(seconds, now),
  }
}

function find(path: string, { tree }: Source): Answer {
  const [version, ...names] = partsOf(path) ?? ['']
  if (version === undefined) return found(versions.join('\n'))
  if (!versions.includes(version)) return refuse(404)
  let node: Leaf | Directory | undefined = tree
  for (const name of names) {
    node = node !== undefined && isDirectory(node) ? node.entries.get(name) : undefined
  }
  if (node === undefined) return refuse(404)
  return found(isDirectory(node) ? list(node) : node)
}

/** Names between slashes, a last slash without meaning; `undefined` for a path that is none. */
function partsOf(path: string): string[] | undefined {
  if (!path.startsWith('/')) return undefined
  const inner = path.slice(1).replace(/\/$/, '')
  if (inner === '') return []
  try {
    return inner.split('/').map(decodeURIComponent)
  } catch {
    return undefined
  }
}

function list({ entries, labels }: Directory): string {
  return [...entries]
    .map(([name, node]) => labels?.get(name) ?? (isDirectory(node) ? `${name}/` : name))
    .join('\n')
}

function found(body: Leaf): Answer {
  const type = typeof body === 'string' ? 'text/plain' : 'application/octet-stream'
  return { status: 200, headers: { 'content-type': type }, body }
}

const unauthorized: Answer = { status: 401, headers: { 'content-type': 'text/plain' }, body: '' }

function forbid(allowed: string): Answer {
  return { status: 405, headers: { 'content-type': 'text/plain', allow: allowed }, body: '' }
}

const reasons = { 400: 'Bad Request', 403: 'Forbidden', 404: 'Not Found' } as const

function refuse(status: keyof typeof reasons): Answer {
  const title = `${status} - ${reasons[status]}`
  return {
    status,
    headers: { 'content-type': 'text/html' },
    body: `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
\t\t "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>${title}</title>
 </head>
 <body>
  <h1>${title}</h1>
 </body>
</html>
`,
  }
}
