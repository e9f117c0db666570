import { DescribeVpcsCommand, EC2Client, type EC2ClientConfig } from '@aws-sdk/client-ec2'
import { GetCallerIdentityCommand, GetSessionTokenCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../src/index.ts'
import { refusal, sendSigned, stsClient } from './clients.ts'
import { presign, sendHandSigned } from './hand-signed.ts'

let local: LocalEc2

beforeAll(async () => {
  local = await startLocalEc2({ machine: 'none' })
})
afterAll(() => local.close())

const authFailure = {
  code: 'AuthFailure',
  status: 401,
  message: 'AWS was not able to validate the provided access credentials',
}

type Settings = Pick<EC2ClientConfig, 'region' | 'credentials' | 'systemClockOffset'>

function describeVpcs(settings: Settings): Promise<unknown> {
  const { endpoint, region, credentials } = local
  const client = new EC2Client({ endpoint, region, credentials, maxAttempts: 1, ...settings })
  return client.send(new DescribeVpcsCommand({}))
}

function identify(settings: Settings): Promise<{ Account?: string | undefined }> {
  const { endpoint, region, credentials } = local
  const client = new STSClient({ endpoint, region, credentials, maxAttempts: 1, ...settings })
  return client.send(new GetCallerIdentityCommand({}))
}

test('the credentials of the endpoint open both services', async () => {
  await expect(describeVpcs({})).resolves.toBeDefined()
  await expect(identify({})).resolves.toMatchObject({
    Account: '000000000000',
    Arn: 'arn:aws:iam::000000000000:user/local',
  })
})

test('credentials of another endpoint, or of nobody, open neither', async () => {
  await using other = await startLocalEc2({ machine: 'none' })
  expect(other.credentials.secretAccessKey).not.toBe(local.credentials.secretAccessKey)
  expect(await refusal(describeVpcs({ credentials: other.credentials }))).toEqual(authFailure)
  expect(await refusal(identify({ credentials: other.credentials }))).toMatchObject({
    code: 'SignatureDoesNotMatch',
    status: 403,
  })

  const stranger = { accessKeyId: 'AKIASTRANGER', secretAccessKey: 'x' }
  expect(await refusal(describeVpcs({ credentials: stranger }))).toEqual(authFailure)
  expect(await refusal(identify({ credentials: stranger }))).toEqual({
    code: 'InvalidClientTokenId',
    status: 403,
    message: 'The security token included in the request is invalid.',
  })
})

test('a session token is refused: these credentials never had one', async () => {
  const credentials = { ...local.credentials, sessionToken: 'left over in the environment' }
  expect(await refusal(describeVpcs({ credentials }))).toEqual(authFailure)
})

test('a signature for another region is refused', async () => {
  expect(await refusal(describeVpcs({ region: 'eu-central-1' }))).toEqual(authFailure)
  expect(await refusal(identify({ region: 'eu-central-1' }))).toEqual({
    code: 'SignatureDoesNotMatch',
    status: 403,
    message: 'Credential should be scoped to a valid region.',
  })
})

const formatted = (time: number): string => new Date(time).toISOString().replace(/\.\d+|[-:]/g, '')

test.each([-20, 20])('a clock that is off by %d minutes is refused', async (minutes) => {
  const systemClockOffset = minutes * 60_000
  expect(await refusal(describeVpcs({ systemClockOffset }))).toEqual({
    code: 'RequestExpired',
    status: 400,
    message: 'Request has expired.',
  })
  const { code, status, message } = await refusal(identify({ systemClockOffset }))
  expect({ code, status }).toEqual({ code: 'SignatureDoesNotMatch', status: 403 })
  expect(message).toMatch(
    minutes < 0
      ? /^Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 15 min\.\)$/
      : /^Signature not yet current: \d{8}T\d{6}Z is still later than \d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ 15 min\.\)$/,
  )
})

test.each([-14, 14])('a clock that is off by %d minutes is near enough', async (minutes) => {
  await expect(describeVpcs({ systemClockOffset: minutes * 60_000 })).resolves.toBeDefined()
})

test('the clock that counts is the endpoint’s, and it says what it is', async () => {
  using _ = local.faults.add({ clockSkewMs: 3_600_000 })
  expect((await refusal(describeVpcs({}))).code).toBe('RequestExpired')
  await expect(describeVpcs({ systemClockOffset: 3_600_000 })).resolves.toBeDefined()
  const { headers } = await fetch(local.endpoint)
  const ahead = Date.parse(headers.get('date') ?? '') - Date.now()
  expect(ahead).toBeGreaterThan(3_598_000)
  expect(ahead).toBeLessThanOrEqual(3_600_000)
})

test('a body that was changed after signing is refused', async () => {
  const form = 'Action=DescribeVpcs&Version=2016-11-15'
  const honest = await sendSigned(local, { form })
  expect(honest.status).toBe(200)
  const changed = await sendSigned(local, { form, sent: `${form}&DryRun=true` })
  expect(changed.status).toBe(401)
  expect(await changed.text()).toContain('<Code>AuthFailure</Code>')
})

test('a query that was changed after signing is refused', async () => {
  const form = 'Action=DescribeVpcs&Version=2016-11-15'
  const honest = await sendSigned(local, { method: 'GET', form })
  expect(honest.status).toBe(200)
  const changed = await sendSigned(local, { method: 'GET', form, sent: `${form}&DryRun=true` })
  expect(changed.status).toBe(401)
})

test('an unsigned request is told what is missing', async () => {
  const response = await fetch(local.endpoint, {
    method: 'POST',
    body: new URLSearchParams({ Action: 'DescribeVpcs', Version: '2016-11-15' }),
  })
  expect(response.status).toBe(403)
  expect(await response.text()).toMatch(
    /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<Response><Errors><Error><Code>MissingAuthenticationToken<\/Code><Message>Request is missing Authentication Token<\/Message><\/Error><\/Errors><RequestID>[0-9a-f-]{36}<\/RequestID><\/Response>$/,
  )
})

test.each([
  'Basic dXNlcjpwYXNz',
  'AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=zz',
  `AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
])('a malformed Authorization header is no authorization: %s', async (authorization) => {
  const response = await fetch(local.endpoint, { method: 'POST', headers: { authorization } })
  expect(response.status).toBe(401)
  expect(await response.text()).toContain('<Code>AuthFailure</Code>')
})

const who = `<Arn>arn:aws:iam::000000000000:user/local</Arn>`
const mismatch = {
  code: 'SignatureDoesNotMatch',
  message:
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
}

/** Code and message of an error of STS. */
function read({ body }: { body: string }): { code?: string; message?: string } {
  const [, code, message] = /<Code>(.*)<\/Code><Message>(.*)<\/Message>/.exec(body) ?? []
  return {
    ...(code !== undefined && { code }),
    ...(message !== undefined && { message: message.replaceAll('&quot;', '"') }),
  }
}

test('what an unsigned request is told, it is told as the service that it is for', async () => {
  const answer = await sendHandSigned(local, { spoil: () => '' })
  expect(answer.status).toBe(403)
  expect(answer.body).toMatch(
    /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<ErrorResponse xmlns="https:\/\/sts\.amazonaws\.com\/doc\/2011-06-15\/"><Error><Type>Sender<\/Type><Code>MissingAuthenticationToken<\/Code><Message>Request is missing Authentication Token<\/Message><\/Error><RequestId>[0-9a-f-]{36}<\/RequestId><\/ErrorResponse>$/,
  )
})

const host = (): string => new URL(local.endpoint).host
const now = new Date()
const time = formatted(now.getTime())
const httpDate = now.toUTCString()
const second = new Date(Math.floor(now.getTime() / 1000) * 1000)

test.each<[string, () => Parameters<typeof sendHandSigned>[1]]>([
  ['as it should be', () => ({})],
  [
    'with a Date header alone',
    () => ({
      time: second,
      headers: { date: httpDate },
      signed: { date: httpDate, host: host() },
    }),
  ],
  [
    'with a Date header of another form',
    () => ({ time: second, headers: { date: time }, signed: { date: time, host: host() } }),
  ],
  [
    'with a default port that was not signed',
    () => ({
      time: second,
      headers: { host: 'sts.us-east-1.amazonaws.com:443', 'x-amz-date': time },
      signed: { host: 'sts.us-east-1.amazonaws.com', 'x-amz-date': time },
    }),
  ],
  [
    'with spaces that count as one',
    () => ({
      time: second,
      headers: { 'x-amz-date': time, 'x-amz-note': '  a   b  c ' },
      signed: { host: host(), 'x-amz-date': time, 'x-amz-note': 'a b c' },
    }),
  ],
  [
    'with a header twice',
    () => ({
      time: second,
      headers: { 'x-amz-date': time, 'x-amz-note': ['a', 'b'] },
      signed: { host: host(), 'x-amz-date': time, 'x-amz-note': 'a,b' },
    }),
  ],
  ['with a path that says nothing', () => ({ path: '/./a/..', canonicalPath: '/' })],
  ['with wide spaces between its parts', () => ({ spoil: (text) => text.replace(/, /g, ' ,  ') })],
])('a signature %s is believed', async (_, parts) => {
  const { status, body } = await sendHandSigned(local, parts())
  expect({ status, error: read({ body }) }).toEqual({ status: 200, error: {} })
  expect(body).toContain(who)
})

test.each<[string, () => Parameters<typeof sendHandSigned>[1], object]>([
  [
    'without its key',
    () => ({ spoil: (text) => text.replace(/Credential=[^,]+, /, '') }),
    {
      code: 'IncompleteSignature',
      message: `Authorization header requires 'Credential' parameter. Authorization=AWS4-HMAC-SHA256`,
    },
  ],
  [
    'that is none',
    () => ({ spoil: () => 'Basic dXNlcjpwYXNz', headers: {} }),
    {
      code: 'IncompleteSignature',
      message: `Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=Basic`,
    },
  ],
  [
    'of another kind',
    () => ({ spoil: (text) => text.replace('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256') }),
    {
      code: 'IncompleteSignature',
      message: `Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256 for now). `,
    },
  ],
  [
    'with half a credential',
    () => ({ spoil: (text) => text.replace('/sts/aws4_request', '') }),
    {
      code: 'IncompleteSignature',
      message: expect.stringMatching(
        /^Credential must have exactly 5 slash-delimited elements, e\.g\. keyid\/date\/region\/service\/term, got 'LOCAL-EC2-NOT-AN-AWS-KEY\/\d{8}\/us-east-1'$/,
      ),
    },
  ],
  [
    'whose time is no time',
    () => ({ headers: { 'x-amz-date': '201' } }),
    {
      code: 'IncompleteSignature',
      message: `Date must be in ISO-8601 'basic format'. Got '201'. See http://en.wikipedia.org/wiki/ISO_8601`,
    },
  ],
  [
    'of another day',
    () => ({ time: second, day: '20200101' }),
    {
      code: 'SignatureDoesNotMatch',
      message: `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20200101' != '${time.slice(0, 8)}', from '${time}'.`,
    },
  ],
  [
    'for nothing that is right',
    () => ({ region: 'mars-1', terminator: 'aws5_request' }),
    {
      code: 'SignatureDoesNotMatch',
      message: `Credential should be scoped to a valid region. Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.`,
    },
  ],
  [
    'that does not cover the host',
    () => ({ time: second, signed: { 'x-amz-date': time } }),
    {
      code: 'SignatureDoesNotMatch',
      message: `'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.`,
    },
  ],
  [
    'that leaves one of Amazon’s headers out',
    () => ({ time: second, headers: { 'x-amz-date': time, 'x-amz-note': 'a' } }),
    {
      code: 'SignatureDoesNotMatch',
      message: `'x-amz-note' must be a 'SignedHeader' in the AWS Authorization.`,
    },
  ],
  ['of a payload that nobody looked at', () => ({ payloadHash: 'UNSIGNED-PAYLOAD' }), mismatch],
  [
    'of another host',
    () => ({ time: second, signed: { host: 'sts.amazonaws.com', 'x-amz-date': time } }),
    mismatch,
  ],
  ['that is cut short', () => ({ spoil: (text) => text.slice(0, -1) }), mismatch],
  ['with letters in it', () => ({ spoil: (text) => text.replace(/.$/, 'é') }), mismatch],
])('a signature %s is not believed', async (_, parts, error) => {
  const answer = await sendHandSigned(local, parts())
  expect(read(answer)).toEqual(error)
})

test('a signature for a service that is not here names the one that is', async () => {
  const { endpoint, region, credentials } = local
  const answer = await sendHandSigned(
    { endpoint, region, credentials },
    {
      spoil: (text) => text.replace('/sts/', '/s3/'),
    },
  )
  expect(read(answer)).toEqual({
    code: 'SignatureDoesNotMatch',
    message: `Credential should be scoped to correct service: 'sts'.`,
  })
})

async function visit(url: URL, init?: RequestInit): Promise<ReturnType<typeof read>> {
  const response = await fetch(url, init)
  const body = await response.text()
  return body.includes('<GetCallerIdentityResult>') ? {} : { code: 'none', ...read({ body }) }
}

test('a presigned question is answered to whoever has it', async () => {
  const url = await presign(local)
  expect(url.searchParams.get('X-Amz-Signature')).toMatch(/^[0-9a-f]{64}$/)
  expect(await visit(url)).toEqual({})
  expect(await (await fetch(url)).text()).toContain(who)
})

test('a presigned question may carry the token of a session', async () => {
  const { Credentials: temporary } = await stsClient(local).send(new GetSessionTokenCommand({}))
  const credentials = {
    accessKeyId: temporary?.AccessKeyId ?? '',
    secretAccessKey: temporary?.SecretAccessKey ?? '',
    sessionToken: temporary?.SessionToken ?? '',
  }
  const url = await presign({ ...local, credentials })
  expect(url.searchParams.has('X-Amz-Security-Token')).toBe(true)
  expect(await visit(url)).toEqual({})
  const bare = await presign({ ...local, credentials: { ...credentials, sessionToken: '' } })
  expect(await visit(bare)).toEqual({
    code: 'InvalidClientTokenId',
    message: 'The security token included in the request is invalid',
  })
})

test('presigned, a question lives for a quarter of an hour, whatever it says of itself', async () => {
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)
  expect(await visit(await presign(local, { signingDate: minutesAgo(14), expiresIn: 1 }))).toEqual(
    {},
  )
  const late = await visit(await presign(local, { signingDate: minutesAgo(16), expiresIn: 3600 }))
  expect(late.code).toBe('SignatureDoesNotMatch')
  expect(late.message).toMatch(/^Signature expired: /)
})

test.each<[string, (url: URL) => void, object]>([
  ['changed', (url) => url.searchParams.set('Action', 'GetSessionToken'), mismatch],
  ['added to', (url) => url.searchParams.set('DryRun', 'true'), mismatch],
  [
    'without its date',
    (url) => url.searchParams.delete('X-Amz-Date'),
    {
      code: 'IncompleteSignature',
      message: `AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters.`,
    },
  ],
  [
    'with two signatures',
    (url) => url.searchParams.append('X-Amz-Signature', '0'.repeat(64)),
    { code: 'IncompleteSignature', message: 'Re-examine the query-string parameters.' },
  ],
  [
    'that is to live for eight days',
    (url) => url.searchParams.set('X-Amz-Expires', '691200'),
    { code: 'IncompleteSignature', message: 'Re-examine the query-string parameters.' },
  ],
])('a presigned question %s is refused', async (_, change, error) => {
  const url = await presign(local)
  change(url)
  expect(await visit(url)).toEqual(error)
})

test('a request may not be signed twice', async () => {
  expect(
    await visit(await presign(local), { headers: { authorization: 'AWS4-HMAC-SHA256' } }),
  ).toEqual({
    code: 'IncompleteSignature',
    message: `Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.`,
  })
})
