import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'

import { DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2'
import { afterEach, expect, test } from 'vitest'

const main = new URL('../src/cli/main.ts', import.meta.url).pathname
const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

function start(...words: string[]) {
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  const { stdout, stderr } = child
  return { child, stdout, stderr, exit: once(child, 'exit') }
}

async function outcome(...words: string[]) {
  const { stdout, stderr, exit } = start(...words)
  const [out, errors, [code]] = await Promise.all([text(stdout), text(stderr), exit])
  return { code, out, errors }
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  'prints an environment that works, says what the machines are, and ends on %s',
  async (signal) => {
    const { child, stdout, stderr, exit } = start('--machine', 'none')
    const errors = text(stderr)
    const lines = String((await once(stdout, 'data'))[0])
      .trimEnd()
      .split('\n')
    const environment = Object.fromEntries(
      lines.map((line) => /^export ([A-Z_]+)=(\S+)$/.exec(line)?.slice(1) ?? [line, '']),
    )
    expect(Object.keys(environment)).toEqual([
      'AWS_ENDPOINT_URL',
      'AWS_REGION',
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
    ])
    const client = new EC2Client({
      endpoint: environment['AWS_ENDPOINT_URL'],
      region: environment['AWS_REGION'],
      credentials: {
        accessKeyId: environment['AWS_ACCESS_KEY_ID'],
        secretAccessKey: environment['AWS_SECRET_ACCESS_KEY'],
      },
    })
    expect((await client.send(new DescribeVpcsCommand({}))).Vpcs).toHaveLength(1)
    client.destroy()

    child.kill(signal)
    expect(await exit).toEqual([0, null])
    expect(await errors).toBe(
      [
        'benchaway-local-ec2: machines: none (nothing boots, so there is nothing to keep apart)',
        'benchaway-local-ec2: Ctrl-C powers all instances off and ends',
        `benchaway-local-ec2: ${signal}: powering off`,
        '',
      ].join('\n'),
    )
  },
)

test.each([
  [['--colour'], /^benchaway-local-ec2: Unknown option '--colour'/],
  [
    ['--port', '70000'],
    /^benchaway-local-ec2: --port must be a number from 0 to 65535, not '70000'\n/,
  ],
  [
    ['--machine', 'steam'],
    /^benchaway-local-ec2: --machine must be one of auto, container, rootless, none, not 'steam'\n/,
  ],
  [['now'], /^benchaway-local-ec2: Unexpected argument 'now'/],
])('%j is refused with exit code 2', async (words, message) => {
  expect(await outcome(...words)).toEqual({
    code: 2,
    out: '',
    errors: expect.stringMatching(message),
  })
})

test('a port that is taken is an error, not a surprise', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  const port = typeof address === 'object' ? String(address?.port) : ''
  expect(await outcome('--machine', 'none', '--port', port)).toEqual({
    code: 1,
    out: '',
    errors: `benchaway-local-ec2: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`,
  })
  other.close()
})

test('--help and --version answer on stdout', async () => {
  expect(await outcome('--help')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^Usage: benchaway-local-ec2 \[options\]\n/),
    errors: '',
  })
  expect(await outcome('--version')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  })
})
