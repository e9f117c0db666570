/**
 * Forms for an EC2 endpoint, signed once and sent often: the speed of the endpoint is wanted, not that of an
 * SDK. A signature holds for 15 minutes.
 */
import { createHash, createHmac } from 'node:crypto'
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'

import type { Endpoint } from './endpoint-process.ts'

type Account = Pick<Endpoint, 'endpoint' | 'region' | 'credentials'>

/** @returns what sends it and resolves with the XML of the answer */
export function signedForm(
  account: Account,
  parameters: Record<string, string>,
  agent: Agent = new Agent({ keepAlive: true }),
): () => Promise<string> {
  const form = String(new URLSearchParams({ ...parameters, Version: '2016-11-15' }))
  const headers = sign(account, form)
  return () =>
    new Promise((resolve, reject) => {
      const outgoing = request(account.endpoint, { method: 'POST', headers, agent })
      outgoing.once('error', reject)
      outgoing.once('response', (response) => {
        text(response).then((xml) => {
          if (response.statusCode === 200) resolve(xml)
          else reject(new Error(`${parameters['Action']} answered ${xml}`))
        }, reject)
      })
      outgoing.end(form)
    })
}

function sign(
  { endpoint, region, credentials }: Account,
  form: string,
): Record<string, string | number> {
  const { host } = new URL(endpoint)
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const day = time.slice(0, 8)
  const scope = [day, region, 'ec2', 'aws4_request']
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    host,
    'x-amz-date': time,
  }
  const names = Object.keys(headers).join(';')
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`)
  const canonical = ['POST', '/', '', lines.join(''), names, sha256(form)].join('\n')
  const content = ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(canonical)].join('\n')
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${credentials.secretAccessKey}`)
  const signature = hmac(key, content).toString('hex')
  return {
    ...headers,
    'content-length': Buffer.byteLength(form),
    authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope.join('/')}, SignedHeaders=${names}, Signature=${signature}`,
  }
}

function sha256(data: string): string {
  return createHash('sha256').update(data).digest('hex')
}

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest()
}
