/** Requests signed by hand, so that each part of a signature can be got wrong; and presigned by the SDK. */
import { createHash, createHmac } from 'node:crypto'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'

import { HttpRequest } from '@smithy/core/protocols'

import type { LocalEc2 } from '../src/index.ts'
import { stsClient } from './clients.ts'

type Account = Pick<LocalEc2, 'endpoint' | 'region' | 'credentials'> & {
  credentials: { sessionToken?: string }
}

interface Parts {
  service?: 'ec2' | 'sts'
  form?: string
  /** As it stands in the request line. */
  path?: string
  /** As it is signed, if that differs. */
  canonicalPath?: string
  /** Sent; a list is sent as several headers of that name. */
  headers?: Record<string, string | string[]>
  /** The signed headers with the values that are signed for them. */
  signed?: Record<string, string>
  payloadHash?: string
  region?: string
  day?: string
  terminator?: string
  time?: Date
  /** What becomes of the Authorization header in the end. */
  spoil?: (authorization: string) => string
}

const stamp = (time: Date): string => time.toISOString().replace(/\.\d+|[-:]/g, '')
const sha256 = (data: string): string => createHash('sha256').update(data).digest('hex')
const hmac = (key: string | Buffer, data: string): Buffer =>
  createHmac('sha256', key).update(data).digest()

/** A POST to STS that asks who the caller is, unless told otherwise. */
export async function sendHandSigned(
  { endpoint, region: ownRegion, credentials }: Account,
  parts: Parts = {},
): Promise<{ status: number | undefined; body: string }> {
  const {
    service = 'sts',
    form = 'Action=GetCallerIdentity&Version=2011-06-15',
    path = '/',
    canonicalPath = path,
    time = new Date(),
    day = stamp(time).slice(0, 8),
    region = ownRegion,
    terminator = 'aws4_request',
    spoil = (authorization) => authorization,
  } = parts
  const { host } = new URL(endpoint)
  const { headers = { 'x-amz-date': stamp(time) }, signed = { host, 'x-amz-date': stamp(time) } } =
    parts
  const { payloadHash = sha256(form) } = parts
  const names = Object.keys(signed).join(';')
  const lines = Object.entries(signed).map(([name, value]) => `${name}:${value}\n`)
  const canonical = ['POST', canonicalPath, '', lines.join(''), names, payloadHash].join('\n')
  const scope = [day, region, service, terminator]
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${credentials.secretAccessKey}`)
  const signature = hmac(
    key,
    ['AWS4-HMAC-SHA256', stamp(time), scope.join('/'), sha256(canonical)].join('\n'),
  ).toString('hex')
  const authorization = spoil(
    `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope.join('/')}, SignedHeaders=${names}, Signature=${signature}`,
  )
  return await send(endpoint, {
    method: 'POST',
    path,
    headers: {
      host,
      'content-type': 'application/x-www-form-urlencoded',
      ...(authorization !== '' && { authorization }),
      ...(credentials.sessionToken !== undefined && {
        'x-amz-security-token': credentials.sessionToken,
      }),
      ...headers,
    },
    body: form,
  })
}

/** With `node:http`, since `fetch` does not send what it is told. */
async function send(
  endpoint: string,
  options: {
    method: string
    path: string
    headers: Record<string, string | string[]>
    body?: string
  },
): Promise<{ status: number | undefined; body: string }> {
  const { method, path, headers, body = '' } = options
  const outgoing = request(endpoint, { method, path, headers, agent: false })
  outgoing.end(body)
  return await new Promise((resolve, reject) => {
    outgoing.on('error', reject)
    outgoing.on('response', (response) => {
      text(response).then(
        (answer) => resolve({ status: response.statusCode, body: answer }),
        reject,
      )
    })
  })
}

/** A presigned GetCallerIdentity, as EKS and Vault take it for a proof of identity. */
export async function presign(
  account: Account,
  options: { signingDate?: Date; expiresIn?: number; signingRegion?: string } = {},
): Promise<URL> {
  const { hostname, host, port } = new URL(account.endpoint)
  const signer: unknown = await stsClient(account).config.signer()
  if (!isPresigner(signer)) throw new Error('the signer of the SDK cannot presign')
  const { query } = await signer.presign(
    new HttpRequest({
      method: 'GET',
      hostname,
      port: Number(port),
      path: '/',
      query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
      headers: { host },
    }),
    { expiresIn: 60, ...options },
  )
  const url = new URL(account.endpoint)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value))
  return url
}

/** What the types of the SDK do not say of its signer. */
interface Presigner {
  presign(request: HttpRequest, options: object): Promise<Pick<HttpRequest, 'query'>>
}

function isPresigner(signer: unknown): signer is Presigner {
  return typeof signer === 'object' && signer !== null && 'presign' in signer
}
