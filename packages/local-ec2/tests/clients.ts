/** Real SDK clients on an endpoint, and what they make of its refusals. */
import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  EC2Client,
  EC2ServiceException,
  type Instance,
  RunInstancesCommand,
  type RunInstancesCommandInput,
} from '@aws-sdk/client-ec2'
import { STSClient, STSServiceException } from '@aws-sdk/client-sts'
import { HttpRequest } from '@smithy/core/protocols'

import type { LocalEc2 } from '../src/server.ts'

type Account = Pick<LocalEc2, 'endpoint' | 'region' | 'credentials'>

// A retry would hide what the endpoint said first.
const configure = ({ endpoint, region, credentials }: Account) => ({
  endpoint,
  region,
  credentials,
  maxAttempts: 1,
})

export function ec2Client(account: Account): EC2Client {
  return new EC2Client(configure(account))
}

export function stsClient(account: Account): STSClient {
  return new STSClient(configure(account))
}

/** Code, HTTP status and text of the error that a call must end in. */
export async function refusal(
  call: Promise<unknown>,
): Promise<{ code: string; status: number | undefined; message: string }> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof EC2ServiceException || error instanceof STSServiceException)) throw error
    const { name: code, message, $metadata } = error
    return { code, status: $metadata.httpStatusCode, message }
  }
  throw new Error('the call was not refused')
}

/** A request that no client would send, signed as a client signs. */
interface SignedForm {
  method?: 'GET' | 'POST'
  form: string | Uint8Array<ArrayBuffer>
  /** What is really sent, if that is not what was signed. */
  sent?: string
  /** Path and query beside the form. */
  target?: string
  /** Signed as well. */
  headers?: Record<string, string>
}

export async function sendSigned(account: Account, request: SignedForm): Promise<Response> {
  const { method = 'POST', form, sent = form, target = '/' } = request
  const headers = await signForm(account, request)
  if (method === 'GET') return fetch(`${account.endpoint}/?${String(sent)}`, { headers })
  return fetch(account.endpoint + target, { method, headers, body: sent })
}

/** The headers with which a form is accepted. */
export async function signForm(
  account: Account,
  { method = 'POST', form, target = '/', headers: more }: SignedForm,
): Promise<Record<string, string>> {
  const { hostname, host, port } = new URL(account.endpoint)
  const { pathname, searchParams } = new URL(target, account.endpoint)
  const signer = await ec2Client(account).config.signer()
  const query = method === 'GET' ? new URLSearchParams(String(form)) : searchParams
  const { headers } = await signer.sign(
    new HttpRequest({
      method,
      hostname,
      port: Number(port),
      path: pathname,
      query: Object.fromEntries(query),
      headers: {
        host,
        ...(method === 'POST' && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...more,
      },
      ...(method === 'POST' && { body: form }),
    }),
  )
  return headers
}

/** The newest Debian 13 for x86. */
export async function debian(client: EC2Client): Promise<string> {
  const { Images = [] } = await client.send(
    new DescribeImagesCommand({ Filters: [{ Name: 'name', Values: ['debian-13-amd64-*'] }] }),
  )
  const newest = Images.toSorted((a, b) =>
    (a.CreationDate ?? '').localeCompare(b.CreationDate ?? ''),
  )
  const id = newest.at(-1)?.ImageId
  if (id === undefined) throw new Error('no Debian in the catalogue')
  return id
}

/** Instances of one call: an m7i.large with Debian 13, unless told otherwise. */
export async function run(
  client: EC2Client,
  input: Partial<RunInstancesCommandInput> = {},
): Promise<(Instance & { InstanceId: string })[]> {
  const { Instances = [] } = await client.send(
    new RunInstancesCommand({
      ImageId: await debian(client),
      InstanceType: 'm7i.large',
      MinCount: 1,
      MaxCount: 1,
      ...input,
    }),
  )
  return Instances.map(({ InstanceId, ...rest }) => ({ ...rest, InstanceId: InstanceId ?? '' }))
}

export async function describeOne(client: EC2Client, id: string): Promise<Instance> {
  const { Reservations = [] } = await client.send(
    new DescribeInstancesCommand({ InstanceIds: [id] }),
  )
  const instance = Reservations[0]?.Instances?.[0]
  if (instance === undefined) throw new Error(`${id} is not described`)
  return instance
}
