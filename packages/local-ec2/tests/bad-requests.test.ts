/** What no SDK sends: the endpoint answers it in AWS's words or hangs up, and lives on. */
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'

import { CreateTagsCommand, DescribeVpcsCommand } from '@aws-sdk/client-ec2'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import { openNoneHost } from '../src/machine/none.ts'
import { type LocalEc2, serve } from '../src/server.ts'
import { ec2Client, refusal, sendSigned, signForm, stsClient } from './clients.ts'

const requestTimeoutMs = 300
let local: LocalEc2

beforeAll(async () => {
  local = await serve(openNoneHost(), { requestTimeoutMs })
})
afterAll(() => local.close())

// Whatever a test did to it, the endpoint still answers.
afterEach(async () => {
  await ec2Client(local).send(new DescribeVpcsCommand({}))
})

const version = '2016-11-15'
const describeVpcs = `Action=DescribeVpcs&Version=${version}`

function errorOf(xml: string): { code: string; message: string } {
  const [, code = '', message = ''] =
    /<Errors><Error><Code>(.*?)<\/Code><Message>(.*?)<\/Message><\/Error><\/Errors>/s.exec(xml) ??
    []
  return { code, message }
}

type Refused = [parameters: string | Record<string, string>, code: string, message: string]

const refused: Refused[] = [
  [{ Version: version }, 'MissingAction', 'The request must contain the parameter Action'],
  [
    { Action: 'MakeCoffee', Version: version },
    'InvalidAction',
    'The action MakeCoffee is not valid for this web service.',
  ],
  [
    { Action: 'DescribeVpcs', Version: '2010-01-01' },
    'NoSuchVersion',
    'The requested version (2010-01-01) of service ec2 does not exist',
  ],
  [
    { Action: 'DescribeVpcs' },
    'NoSuchVersion',
    'The requested version () of service ec2 does not exist',
  ],
  [
    {
      Action: 'CreateFleet',
      Version: version,
      'TargetCapacitySpecification.TotalTargetCapacity': '1',
    },
    'MissingParameter',
    'The request must contain the parameter LaunchTemplateConfigs',
  ],
  [
    { Action: 'BundleInstance', Version: version, InstanceId: 'i-1', 'Storage.S3.Bucket': 'b' },
    'UnsupportedOperation',
    'BundleInstance is not implemented by this local endpoint.',
  ],
  [
    { Action: 'DescribeVpcs', Version: version, Colour: 'red' },
    'UnknownParameter',
    'The parameter Colour is not recognized',
  ],
  [
    { Action: 'DescribeVpcs', Version: version, 'Action.1': 'DescribeVpcs' },
    'UnknownParameter',
    'The parameter Action is not recognized',
  ],
  [
    { Action: 'DescribeVpcs', Version: version, '': '' },
    'UnknownParameter',
    'The parameter  is not recognized',
  ],
  [
    { Action: 'DescribeVpcs', Version: version, 'Filter.1.Colour': 'red' },
    'UnknownParameter',
    'The parameter Filter.1.Colour is not recognized',
  ],
  ...['first', '-1', '01', '1e1', '1000000000', '99999999999999999999', ''].map(
    (index): Refused => [
      { Action: 'DescribeVpcs', Version: version, [`VpcId.${index}`]: 'vpc-1' },
      'UnknownParameter',
      `The parameter VpcId.${index} is not recognized`,
    ],
  ),
  [
    { Action: 'DescribeVpcs', Version: version, Filter: 'red' },
    'InvalidParameterValue',
    'Value (red) for parameter Filter is invalid.',
  ],
  [
    { Action: 'DescribeVpcs', Version: version, 'VpcId.1.2': 'vpc-1' },
    'InvalidParameterValue',
    'Value () for parameter VpcId.1 is invalid.',
  ],
  ...['perhaps', '1', 'yes', ''].map((value): Refused => [
    { Action: 'DescribeVpcs', Version: version, DryRun: value },
    'InvalidParameterValue',
    `Value (${value}) for parameter DryRun is invalid.`,
  ]),
  // An Integer has 32 bits, and is written in no other way.
  ...['0x10', '1e2', '5.0', '2147483648', '-2147483649', '9'.repeat(400), 'NaN', ' 5', ''].map(
    (value): Refused => [
      { Action: 'DescribeVpcs', Version: version, MaxResults: value },
      'InvalidParameterValue',
      `Value (${value}) for parameter MaxResults is invalid.`,
    ],
  ),
  ...['yesterday', '1', '1767225600', '2026-13-01T00:00:00Z', '2026-01-01T00:00:00', ''].map(
    (value): Refused => [
      { Action: 'DescribeSpotPriceHistory', Version: version, StartTime: value },
      'InvalidParameterValue',
      `Value (${value}) for parameter StartTime is invalid.`,
    ],
  ),
  ...['***', 'YQ', 'YQ=a', 'Y Q=', 'YQ-_'].map((value): Refused => [
    { Action: 'ImportKeyPair', Version: version, KeyName: 'k', PublicKeyMaterial: value },
    'InvalidParameterValue',
    `Value (${value}) for parameter PublicKeyMaterial is invalid.`,
  ]),
  ...['\0', 'a\u001bb', '\ufffe'].map((value): Refused => [
    { Action: 'DescribeVpcs', Version: version, NextToken: value },
    'InvalidCharacter',
    'A specified character is invalid.',
  ]),
  [
    { Action: 'TerminateInstances', Version: version },
    'MissingParameter',
    'The request must contain the parameter InstanceId',
  ],
  [
    { Action: 'DescribeVpcs', Version: version, [`${'a.'.repeat(100)}b`]: '' },
    'MalformedQueryString',
    'The query string has a parameter nested too deep',
  ],
  [
    `${describeVpcs}&MaxResults=5&MaxResults=6`,
    'MalformedQueryString',
    'The parameter MaxResults is given more than once',
  ],
]

test.each(refused)('%j is refused with %s', async (parameters, code, message) => {
  const form = String(new URLSearchParams(parameters))
  const response = await sendSigned(local, { form })
  expect(response.status).toBe(400)
  expect(errorOf(await response.text())).toEqual({ code, message })
})

test.each(['%', '%4', '%zz', '%ff', '%c3%28', '%ed%a0%80', '%'.repeat(10_000)])(
  'the parameter %s is no percent-encoded UTF-8, and refused',
  async (garbage) => {
    const forms = [`${describeVpcs}&NextToken=${garbage}`, `${describeVpcs}&${garbage}=1`]
    const responses = await Promise.all(forms.map((form) => sendSigned(local, { form })))
    const answers = await Promise.all(responses.map((response) => response.text()))
    const error = {
      code: 'MalformedQueryString',
      message: 'The query string contains a syntax error',
    }
    expect(answers.map(errorOf)).toEqual([error, error])
  },
)

test('more parameters than any request needs are refused', async () => {
  const form = Array.from({ length: 50_001 }, (_, index) => `a.${index}=`).join('&')
  const response = await sendSigned(local, { form })
  expect(errorOf(await response.text())).toEqual({
    code: 'MalformedQueryString',
    message: 'The query string has too many parameters',
  })
})

test('bytes that are not UTF-8 are refused', async () => {
  const form = Buffer.concat([Buffer.from(`${describeVpcs}&NextToken=`), Buffer.of(0xe9, 0x80)])
  const response = await sendSigned(local, { form: new Uint8Array(form) })
  expect(errorOf(await response.text())).toEqual({
    code: 'MalformedQueryString',
    message: 'The body is not UTF-8',
  })
})

test.each([
  'Filter.7.Name=vpc-id&Filter.7.Value.3=vpc-*&Filter.900.Name=state&Filter.900.Value.1=available',
  // Apache Libcloud counts from 0, and leaves the index of a list of one away.
  'Filter.0.Name=vpc-id&Filter.0.Value=vpc-*',
  'MaxResults=%35&DryRun=FALSE',
  'MaxResults=+5'.replace('+', '%2B'),
  '&&',
])('what is unusual and allowed is answered: %s', async (parameters) => {
  const response = await sendSigned(local, { form: `${describeVpcs}&${parameters}` })
  expect(response.status).toBe(200)
  expect(await response.text()).toMatch(/<vpcSet><item>.*<\/item><\/vpcSet>/s)
})

test('parameters may be in the query of a POST, but not there and in the body', async () => {
  const target = `/?${describeVpcs}`
  expect((await sendSigned(local, { target, form: 'MaxResults=5' })).status).toBe(200)
  const twice = await sendSigned(local, { target, form: 'Version=2016-11-15' })
  expect(errorOf(await twice.text())).toEqual({
    code: 'MalformedQueryString',
    message: 'The parameter Version is given more than once',
  })
})

test.each([
  [
    { Action: 'MakeCoffee', Version: '2011-06-15' },
    'InvalidAction',
    'Could not find operation MakeCoffee for version 2011-06-15',
  ],
  [
    { Action: 'GetCallerIdentity', Version: version },
    'InvalidAction',
    `Could not find operation GetCallerIdentity for version ${version}`,
  ],
  [
    { Action: 'AssumeRole', Version: '2011-06-15', RoleArn: 'arn:aws:iam::000000000000:role/r' },
    'ValidationError',
    "1 validation error detected: Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null",
  ],
])('STS refuses %j in its own words', async (parameters, code, message) => {
  const client = stsClient(local)
  // Its own client signs for STS; what it signs is replaced on its way.
  client.middlewareStack.add(
    (next) => (args) => {
      if (typeof args.request === 'object' && args.request !== null) {
        Object.assign(args.request, { body: String(new URLSearchParams(parameters)) })
        Reflect.deleteProperty(Reflect.get(args.request, 'headers'), 'content-length')
      }
      return next(args)
    },
    { step: 'build', priority: 'low' },
  )
  const { GetCallerIdentityCommand } = await import('@aws-sdk/client-sts')
  expect(await refusal(client.send(new GetCallerIdentityCommand({})))).toEqual({
    code,
    status: 400,
    message,
  })
})

test('a thousand ids with fifty tags are not too much for one request', async () => {
  const ids = Array.from(
    { length: 1000 },
    (_, index) => `i-0${index.toString(16).padStart(16, '0')}`,
  )
  const tags = Array.from({ length: 50 }, (_, index) => ({
    Key: `${index}`.padEnd(128, 'k'),
    Value: 'ü'.repeat(256),
  }))
  const call = ec2Client(local).send(new CreateTagsCommand({ Resources: ids, Tags: tags }))
  expect((await refusal(call)).code).toBe('InvalidInstanceID.NotFound')
})

test('a body of 10 MB is refused, and its sender hears why', async () => {
  const response = await fetch(local.endpoint, { method: 'POST', body: 'x'.repeat(10_000_000) })
  expect(response.status).toBe(413)
  expect(errorOf(await response.text())).toEqual({
    code: 'RequestEntityTooLarge',
    message: 'Request body is larger than 1048576 bytes',
  })
})

test('a body without end loses its connection', async () => {
  const outgoing = request(local.endpoint, { method: 'POST' })
  const chunk = 'x'.repeat(1_000_000)
  const pump = (): void => {
    while (outgoing.writable && outgoing.write(chunk));
  }
  outgoing.on('drain', pump)
  pump()
  const [error] = await once(outgoing, 'error')
  expect(['EPIPE', 'ECONNRESET']).toContain(error.code)
})

test.each([
  ['nothing', ''],
  ['half a request line', 'POST / HT'],
  ['half its headers', 'POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz'],
  ['half its body', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nAction=Desc'],
  [
    'half a chunk',
    'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nAction',
  ],
])('a client that sends %s and then falls silent is hung up on', async (_, beginning) => {
  const socket = await open(local)
  socket.write(beginning)
  // Node's own limits are a minute and more: without ours, this test would not live to see it.
  await closed(socket)
  expect(socket.bytesRead).toBeLessThan(100)
})

test.each([
  ['headers', 'POST / HTTP/1.1\r\nHost: localhost\r\nX-Slow: '],
  ['a body', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n'],
])('a client that trickles %s has no more time than a silent one', async (_, beginning) => {
  const socket = await open(local)
  socket.write(beginning)
  const trickle = setInterval(() => socket.write('x'), 10)
  await closed(socket)
  clearInterval(trickle)
  expect(socket.bytesRead).toBeLessThan(100)
})

test('a client that asks and never takes its answers is hung up on', async () => {
  const socket = await open(local)
  socket.pause()
  const question = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n'.repeat(1000)
  const lost = new Promise((resolve) => socket.once('error', resolve))
  const ask = (): void => {
    while (socket.write(question));
  }
  socket.on('drain', ask)
  ask()
  expect(await lost).toMatchObject({ code: expect.stringMatching(/^(?:EPIPE|ECONNRESET)$/) })
})

test('1,000 silent clients keep nobody else waiting', async () => {
  await using patient = await serve(openNoneHost())
  const sockets = await openMany(patient, 1000)
  for (const socket of sockets) socket.write('POST / HTTP/1.1\r\n')
  await ec2Client(patient).send(new DescribeVpcsCommand({}))
  expect(sockets.filter(({ closed: isClosed }) => isClosed)).toEqual([])
})

test('1,000 clients that ask at once are all answered', async () => {
  await using patient = await serve(openNoneHost())
  const sockets = await openMany(patient, 1000)
  const question = await rawRequest(describeVpcs, patient)
  for (const socket of sockets) socket.write(question)
  const answers = await Promise.all(sockets.map((socket) => answersOn(socket, 1)))
  expect(answers.filter((answer) => !answer.startsWith('HTTP/1.1 200 OK'))).toEqual([])
})

test('closing hangs up on those who are still sending', async () => {
  const patient = await serve(openNoneHost())
  const socket = await open(patient)
  socket.write('POST / HTTP/1.1\r\n')
  await patient.close()
  await closed(socket)
  expect(socket.bytesRead).toBe(0)
})

test.each(['GET //[ HTTP/1.1', 'GET http:// HTTP/1.1'])(
  'the target of %s is no URL, and refused',
  async (line) => {
    const socket = await open(local)
    socket.write(`${line}\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 [^]*<Code>MalformedQueryString<\/Code>/)
  },
)

test.each([
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\0\x01\x02\r\n\r\n',
  'POST / HTTP/1.1\r\nA\r\n\r\n',
])('%j is no HTTP that is spoken here', async (bytes) => {
  const socket = await open(local)
  socket.write(bytes)
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
})

test.each([
  ['HEAD', 400, ''],
  ['PUT', 400, 'UnsupportedHttpVerb'],
  ['DELETE', 400, 'UnsupportedHttpVerb'],
  ['OPTIONS', 400, 'UnsupportedHttpVerb'],
  ['GET', 403, 'MissingAuthenticationToken'],
])('an unsigned %s is answered with %d', async (method, status, code) => {
  const response = await fetch(local.endpoint, { method })
  expect(response.status).toBe(status)
  expect(errorOf(await response.text()).code).toBe(code)
})

test.each([
  [{ target: '/ec2' }, 404, 'InvalidAction'],
  [{ headers: { 'content-type': 'application/json' } }, 415, 'MalformedQueryString'],
  [{ headers: { 'content-encoding': 'gzip' } }, 415, 'MalformedQueryString'],
  [{ headers: { 'content-type': 'text/plain' } }, 415, 'MalformedQueryString'],
])('a form sent with %j is refused', async (unusual, status, code) => {
  const response = await sendSigned(local, { form: describeVpcs, ...unusual })
  expect(response.status).toBe(status)
  expect(errorOf(await response.text()).code).toBe(code)
})

test('a request for another service is told that it is not here', async () => {
  const response = await fetch(local.endpoint, {
    method: 'POST',
    headers: {
      'x-amz-target': 'AmazonSSM.GetParameter',
      'content-type': 'application/x-amz-json-1.1',
    },
    body: '{}',
  })
  expect(response.status).toBe(400)
  expect(await response.json()).toEqual({
    __type: 'UnknownOperationException',
    message: 'AmazonSSM.GetParameter is not here: this local endpoint is EC2 and STS alone.',
  })
})

test('a compressed form is refused', async () => {
  const response = await sendSigned(local, { form: new Uint8Array(gzipSync(describeVpcs)) })
  expect(errorOf(await response.text()).code).toBe('MalformedQueryString')
})

test('bodies that together are too much for memory are refused until some are gone', async () => {
  await using patient = await serve(openNoneHost())
  const size = 1024 * 1024
  const sockets = await openMany(patient, 64)
  for (const socket of sockets) {
    socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${size}\r\n\r\n`)
    socket.write('x'.repeat(size - 1))
  }
  const ask = () => fetch(patient.endpoint, { method: 'POST', body: 'x'.repeat(1000) })
  await expect
    .poll(async () => errorOf(await (await ask()).text()))
    .toEqual({
      code: 'Unavailable',
      message: 'The server is overloaded and cannot handle the request.',
    })
  expect((await ask()).status).toBe(503)
  for (const socket of sockets) socket.destroy()
  await expect.poll(async () => (await ask()).status).toBe(403)
})

test('headers beyond all measure are refused', async () => {
  const response = await fetch(local.endpoint, { headers: { 'x-long': 'x'.repeat(60_000) } })
  expect(response.status).toBe(431)
})

test('an answer names its request in the header and in the body, and is not to be cached', async () => {
  const response = await sendSigned(local, { form: describeVpcs })
  const id = response.headers.get('x-amzn-requestid')
  expect(id).toMatch(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  expect(await response.text()).toContain(`<requestId>${id}</requestId>`)
  expect(response.headers.get('content-type')).toBe('text/xml;charset=UTF-8')
  expect(response.headers.get('cache-control')).toBe('no-cache, no-store')
})

test('two requests in one packet get two answers, in their order', async () => {
  const socket = await open(local)
  const signed = await rawRequest(`${describeVpcs}&MaxResults=5`)
  socket.write(`${signed}${await rawRequest(describeVpcs.replace('Vpcs', 'Tea'))}`)
  expect(await answersOn(socket, 2)).toMatch(
    /^HTTP\/1\.1 200 OK[^]*<\/DescribeVpcsResponse>HTTP\/1\.1 400 Bad Request[^]*<Code>InvalidAction</,
  )
  socket.destroy()
})

test('HTTP/1.0 is answered, and its connection closed', async () => {
  const socket = await open(local)
  socket.write((await rawRequest(describeVpcs)).replace('HTTP/1.1', 'HTTP/1.0'))
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 OK[^]*<\/DescribeVpcsResponse>$/)
})

test('a body in chunks, and one that waits to be asked for, are read', async () => {
  const headers = await signForm(local, { form: describeVpcs })
  const chunked = request(local.endpoint, { method: 'POST', headers })
  for (const part of describeVpcs.split(/(?=&)/)) chunked.write(part)
  chunked.end()
  const [first] = await once(chunked, 'response')
  expect(first.statusCode).toBe(200)
  first.resume()

  const polite = request(local.endpoint, {
    method: 'POST',
    headers: { ...headers, expect: '100-continue', 'content-length': describeVpcs.length },
  })
  await once(polite, 'continue')
  polite.end(describeVpcs)
  const [second] = await once(polite, 'response')
  expect(second.statusCode).toBe(200)
  second.resume()
})

/** A signed POST, as it goes over the wire. */
async function rawRequest(form: string, account = local): Promise<string> {
  const headers = await signForm(account, { form })
  const lines = Object.entries({ ...headers, 'content-length': form.length })
  return ['POST / HTTP/1.1', ...lines.map(([name, value]) => `${name}: ${value}`), '', form].join(
    '\r\n',
  )
}

/** All that was said on a connection when its nth answer was complete. */
async function answersOn(socket: Socket, count: number): Promise<string> {
  let said = ''
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    said += chunk.toString()
    if (said.split(/<\/(?:Describe\w+)?Response>/).length > count) break
  }
  return said
}

async function open({ endpoint }: LocalEc2): Promise<Socket> {
  const socket = connect(Number(new URL(endpoint).port), '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

function openMany(endpoint: LocalEc2, count: number): Promise<Socket[]> {
  return Promise.all(Array.from({ length: count }, () => open(endpoint)))
}

async function closed(socket: Socket): Promise<void> {
  socket.resume()
  // Not `once()`: it would reject with the reset that may come before.
  if (!socket.closed) await new Promise((resolve) => socket.on('close', resolve))
}
