/** What no SDK sends: the endpoint answers it in AWS's words or hangs up, and lives on. */
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'

import { DescribeVpcsCommand } from '@aws-sdk/client-ec2'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import { openNoneHost } from '../src/machine/none.ts'
import { type LocalEc2, serve } from '../src/server.ts'
import { ec2Client, sendSigned } from './clients.ts'

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

test.each([
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
    {
      Action: 'CreateFleet',
      Version: version,
      'TargetCapacitySpecification.TotalTargetCapacity': '1',
    },
    'MissingParameter',
    'The request must contain the parameter LaunchTemplateConfigs',
  ],
  [
    { Action: 'StopInstances', Version: version, 'InstanceId.1': 'i-0123456789abcdef0' },
    'UnsupportedOperation',
    'StopInstances is not implemented by this local endpoint.',
  ],
  [
    { Action: 'DescribeVpcs', Version: version, Colour: 'red' },
    'UnknownParameter',
    'The parameter Colour is not recognized',
  ],
  [
    { Action: 'DescribeVpcs', Version: version, 'Filter.1.Colour': 'red' },
    'UnknownParameter',
    'The parameter Filter.1.Colour is not recognized',
  ],
  [
    { Action: 'DescribeVpcs', Version: version, 'VpcId.first': 'vpc-1' },
    'UnknownParameter',
    'The parameter VpcId.first is not recognized',
  ],
  [
    { Action: 'DescribeVpcs', Version: version, VpcId: 'vpc-1' },
    'InvalidParameterValue',
    'Value (vpc-1) for parameter VpcId is invalid.',
  ],
  [
    { Action: 'DescribeVpcs', Version: version, DryRun: 'perhaps' },
    'InvalidParameterValue',
    'Value (perhaps) for parameter DryRun is invalid.',
  ],
  [
    { Action: 'DescribeVpcs', Version: version, MaxResults: '0x10' },
    'InvalidParameterValue',
    'Value (0x10) for parameter MaxResults is invalid.',
  ],
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
    `Action=DescribeVpcs&Version=${version}&MaxResults=5&MaxResults=6`,
    'MalformedQueryString',
    'The parameter MaxResults is given more than once',
  ],
])('%j is refused with %s', async (parameters, code, message) => {
  const form = String(new URLSearchParams(parameters))
  const response = await sendSigned(local, { form })
  expect(response.status).toBe(400)
  expect(await response.text()).toContain(
    `<Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors>`,
  )
})

test('a body of 10 MB is refused, and its sender hears why', async () => {
  const response = await fetch(local.endpoint, { method: 'POST', body: 'x'.repeat(10_000_000) })
  expect(response.status).toBe(413)
  expect(await response.text()).toContain('<Code>RequestEntityTooLarge</Code>')
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
])('a client that sends %s and then falls silent is hung up on', async (_, beginning) => {
  const socket = await open(local)
  socket.write(beginning)
  // Node's own limits are a minute and more: without ours, this test would not live to see it.
  await closed(socket)
  expect(socket.bytesRead).toBeLessThan(100)
})

test('300 silent clients keep nobody else waiting', async () => {
  await using patient = await serve(openNoneHost())
  const sockets = await Promise.all(Array.from({ length: 300 }, () => open(patient)))
  for (const socket of sockets) socket.write('POST / HTTP/1.1\r\n')
  await ec2Client(patient).send(new DescribeVpcsCommand({}))
  expect(sockets.filter(({ closed: isClosed }) => isClosed)).toEqual([])
})

test('closing hangs up on those who are still sending', async () => {
  const patient = await serve(openNoneHost())
  const socket = await open(patient)
  socket.write('POST / HTTP/1.1\r\n')
  await patient.close()
  await closed(socket)
  expect(socket.bytesRead).toBe(0)
})

test('a target that is no URL is refused', async () => {
  const socket = await open(local)
  socket.write('GET //[ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 [^]*<Code>MalformedQueryString<\/Code>/)
})

test.each([
  ['a method that EC2 does not know', 'DELETE', 'UnsupportedHttpVerb', 400],
  ['a GET without a signature', 'GET', 'MissingAuthenticationToken', 403],
])('%s is refused', async (_, method, code, status) => {
  const response = await fetch(local.endpoint, { method })
  expect(response.status).toBe(status)
  expect(await response.text()).toContain(`<Code>${code}</Code>`)
})

test('headers beyond all measure are refused', async () => {
  const response = await fetch(local.endpoint, { headers: { 'x-long': 'x'.repeat(60_000) } })
  expect(response.status).toBe(431)
})

async function open({ endpoint }: LocalEc2): Promise<Socket> {
  const socket = connect(Number(new URL(endpoint).port), '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

async function closed(socket: Socket): Promise<void> {
  socket.resume()
  // Not `once()`: it would reject with the reset that may come before.
  if (!socket.closed) await new Promise((resolve) => socket.on('close', resolve))
}
