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

/**
 * What the endpoint answers to a form that no client would send, signed as a client signs.
 *
 * @param sent what is really sent, if that is not what was signed
 */
export async function sendSigned(
  account: Account,
  { method = 'POST', form, sent = form }: { method?: 'GET' | 'POST'; form: string; sent?: string },
): Promise<Response> {
  const { hostname, host, port } = new URL(account.endpoint)
  const signer = await ec2Client(account).config.signer()
  const query = method === 'GET' ? Object.fromEntries(new URLSearchParams(form)) : {}
  const { headers } = await signer.sign(
    new HttpRequest({
      method,
      hostname,
      port: Number(port),
      path: '/',
      query,
      headers: { host },
      ...(method === 'POST' && { body: form }),
    }),
  )
  if (method === 'GET') return fetch(`${account.endpoint}/?${sent}`, { headers })
  return fetch(account.endpoint, { method, headers, body: sent })
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
