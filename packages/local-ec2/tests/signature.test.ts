import { DescribeVpcsCommand, EC2Client, type EC2ClientConfig } from '@aws-sdk/client-ec2'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../src/index.ts'
import { refusal, sendSigned } from './clients.ts'

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
  expect(await refusal(identify({ region: 'eu-central-1' }))).toMatchObject({
    code: 'SignatureDoesNotMatch',
  })
})

test.each([-20, 20])('a clock that is off by %d minutes is refused', async (minutes) => {
  expect(await refusal(describeVpcs({ systemClockOffset: minutes * 60_000 }))).toEqual({
    code: 'RequestExpired',
    status: 400,
    message: 'Request has expired.',
  })
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
