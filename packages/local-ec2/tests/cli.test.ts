import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { text } from 'node:stream/consumers'

import { DescribeVpcsCommand, EC2Client, TerminateInstancesCommand } from '@aws-sdk/client-ec2'
import { afterAll, afterEach, expect, test, vi } from 'vitest'

import { ec2Client, refusal, run } from './clients.ts'

const main = new URL('../src/cli/main.ts', import.meta.url).pathname
const children: ChildProcess[] = []
const folder = mkdtempSync(join(tmpdir(), 'local-ec2-cli-'))

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(() => rmSync(folder, { recursive: true }))

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

test('what BENCHAWAY_MACHINE cannot mean is refused with exit code 2', async () => {
  vi.stubEnv('BENCHAWAY_MACHINE', 'steam')
  const refused = outcome()
  const answered = outcome('--help')
  vi.unstubAllEnvs()
  expect(await refused).toEqual({
    code: 2,
    out: '',
    errors: [
      'benchaway-local-ec2: the variable BENCHAWAY_MACHINE must be one of auto, container, rootless, cloud-init, systemd, none, not "steam"',
      'Correct it, or unset it.',
      "Try 'benchaway-local-ec2 --help'.",
      '',
    ].join('\n'),
  })
  expect(await answered).toMatchObject({ code: 0 })
})

test('BENCHAWAY_MACHINE says what machines are where --machine does not', async () => {
  vi.stubEnv('BENCHAWAY_MACHINE', 'none')
  const { child, ready, exit } = await startJson()
  vi.unstubAllEnvs()
  expect(ready).toMatchObject({ machine: 'none' })
  child.kill('SIGTERM')
  expect(await exit).toEqual([0, null])
})

/** An endpoint whose every line on stdout is an object. */
async function startJson(...words: string[]) {
  const { child, stdout, stderr, exit } = start('--json', ...words)
  const errors = text(stderr)
  const lines = createInterface({ input: stdout })
  const next = async (): Promise<Record<string, unknown>> => JSON.parse(await nextLine(lines))
  const ready = await next()
  const { endpoint, region, credentials } = ready as unknown as Parameters<typeof ec2Client>[0]
  return { child, exit, errors, next, ready, client: ec2Client({ endpoint, region, credentials }) }
}

const queues = new WeakMap<Interface, AsyncIterator<string>>()

async function nextLine(lines: Interface): Promise<string> {
  const queue = queues.get(lines) ?? lines[Symbol.asyncIterator]()
  queues.set(lines, queue)
  const { value, done } = await queue.next()
  if (done) throw new Error('there are no more lines')
  return value
}

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  'prints an environment that works, says what becomes of instances, and ends on %s',
  async (signal) => {
    const { child, stdout, stderr, exit } = start('--machine', 'none')
    const errors = text(stderr)
    const out = createInterface({ input: stdout })
    const environment: Record<string, string> = {}
    for (const name of [
      'AWS_ENDPOINT_URL',
      'AWS_REGION',
      'AWS_DEFAULT_REGION',
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
    ]) {
      // oxlint-disable-next-line no-await-in-loop -- one line after the other
      const [, variable, value = ''] = /^export ([A-Z_]+)=(\S+)$/.exec(await nextLine(out)) ?? []
      expect(variable).toBe(name)
      environment[name] = value
    }
    const client = new EC2Client({
      endpoint: environment['AWS_ENDPOINT_URL'] ?? '',
      region: environment['AWS_REGION'] ?? '',
      credentials: {
        accessKeyId: environment['AWS_ACCESS_KEY_ID'] ?? '',
        secretAccessKey: environment['AWS_SECRET_ACCESS_KEY'] ?? '',
      },
    })
    expect((await client.send(new DescribeVpcsCommand({}))).Vpcs).toHaveLength(1)
    const name = { Key: 'Name', Value: 'the \u009b[31mred one' }
    const [instance] = await run(client, {
      TagSpecifications: [{ ResourceType: 'instance', Tags: [name] }],
    })
    const id = instance?.InstanceId ?? ''
    await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }))
    client.destroy()

    child.kill(signal)
    expect(await exit).toEqual([0, null])
    expect((await errors).replaceAll(/^\d\d:\d\d:\d\d /gm, 'TIME ').split('\n')).toEqual([
      'benchaway-local-ec2: machines: none (nothing boots, so there is nothing to keep apart)',
      'benchaway-local-ec2: Ctrl-C powers all instances off and ends',
      expect.stringMatching(
        `^TIME  ${id}  pending        m7i.large  2\\d\\d\\.31\\.\\d+\\.\\d+  "the`,
      ),
      expect.stringMatching(
        `^TIME  ${id}  running        m7i.large  2\\d\\d\\.31\\.\\d+\\.\\d+  "the`,
      ),
      expect.stringMatching(
        new RegExp(
          `^TIME  ${id}  shutting-down  m7i\\.large  .*\\(Client\\.UserInitiatedShutdown: .*\\)$`,
        ),
      ),
      expect.stringMatching(
        new RegExp(
          `^TIME  ${id}  terminated     m7i\\.large  .*\\(Client\\.UserInitiatedShutdown: .*\\)$`,
        ),
      ),
      `benchaway-local-ec2: ${signal}: powering off`,
      '',
    ])
    // What somebody called an instance does not command the terminal.
    expect(await errors).not.toContain('\u009b')
  },
)

test('--json says the same to programs', async () => {
  const { child, exit, errors, next, ready, client } = await startJson('--machine', 'none')
  expect(ready).toEqual({
    type: 'ready',
    endpoint: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    region: 'us-east-1',
    credentials: {
      accessKeyId: 'LOCAL-EC2-NOT-AN-AWS-KEY',
      secretAccessKey: expect.stringMatching(/^[\w-]{40}$/),
    },
    machine: 'none',
    isolation: 'nothing boots, so there is nothing to keep apart',
  })
  const [instance] = await run(client)
  const running = {
    type: 'instance',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    instanceId: instance?.InstanceId,
    instanceType: 'm7i.large',
    state: 'running',
    privateIp: instance?.PrivateIpAddress,
    publicIp: expect.stringMatching(/^2\d\d\.31\./),
    sshPort: 22,
  }
  expect(await next()).toEqual({ ...running, state: 'pending' })
  expect(await next()).toEqual(running)
  // Its end is told too, whoever causes it.
  child.kill('SIGINT')
  expect(await next()).toMatchObject({ instanceId: instance?.InstanceId, state: 'terminated' })
  expect(await exit).toEqual([0, null])
  expect(await errors).toBe('')
})

test('--faults and --policy take files', async () => {
  const faults = file('faults.json', '[{ "action": "DescribeVpcs", "error": "InternalError" }]')
  const statement = { Effect: 'Allow', Action: 'ec2:DescribeVpcs', Resource: '*' }
  const policy = file(
    'policy.json',
    JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
  )
  const words = ['--machine', 'none', '--faults', faults, '--policy', policy]
  const { client } = await startJson(...words)
  expect(await refusal(client.send(new DescribeVpcsCommand({})))).toMatchObject({
    code: 'InternalError',
    status: 500,
  })
  expect(await refusal(run(client, { ImageId: 'ami-0123456789abcdef0' }))).toMatchObject({
    code: 'UnauthorizedOperation',
  })
})

test.each([
  [['--colour'], /^benchaway-local-ec2: Unknown option '--colour'/],
  [
    ['--port', '70000'],
    /^benchaway-local-ec2: --port must be a number from 0 to 65535, not '70000'\n/,
  ],
  [
    ['--machine', 'steam'],
    /^benchaway-local-ec2: --machine must be one of auto, container, rootless, cloud-init, systemd, none, not 'steam'\n/,
  ],
  [['now'], /^benchaway-local-ec2: Unexpected argument 'now'/],
  [['--port'], /^benchaway-local-ec2: Option '--port <value>' argument missing\n/],
  [
    ['--faults', '/nowhere/faults.json'],
    /^benchaway-local-ec2: --faults: cannot read \/nowhere\/faults\.json: no such file or directory\n/,
  ],
  [
    ['--policy', '/'],
    /^benchaway-local-ec2: --policy: cannot read \/: illegal operation on a directory\n/,
  ],
])('%j is refused with exit code 2', async (words, message) => {
  expect(await outcome('--machine', 'none', ...words)).toEqual({
    code: 2,
    out: '',
    errors: expect.stringMatching(message),
  })
})

test.each([
  ['[\n  {"error": }\n]', ":2:13: Unexpected token '}'"],
  ['[\n  {"error": "InternalError"},\n]', ":3:1: Unexpected token ']'"],
  ['[{"error" "InternalError"}]', ":1:11: Expected ':' after property name"],
  ['', ':1:1: Unexpected end of JSON input'],
  ['[\n\n{"error": "Int', ':3:15: Unterminated string'],
  ['{}', ': $ must be a list of faults, not an object'],
])('a file of faults that says %j is refused, with the place', async (content, complaint) => {
  const path = file('wrong.json', content)
  const { code, out, errors } = await outcome('--machine', 'none', '--faults', path)
  expect(errors.split('\n')[0]).toBe(`benchaway-local-ec2: --faults: ${path}${complaint}`)
  expect({ code, out }).toEqual({ code: 2, out: '' })
})

test('a port that is taken is an error, not a surprise', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  const port = typeof address === 'object' ? String(address?.port) : ''
  expect(await outcome('--machine', 'none', '--port', port)).toEqual({
    code: 1,
    out: '',
    errors: [
      `benchaway-local-ec2: port ${port} on 127.0.0.1 is taken`,
      'Take another port, or 0 for any that is free.',
      '',
    ].join('\n'),
  })
  other.close()
})

test('whoever stops reading does not end it', async () => {
  const { child, client, exit } = await startJson('--machine', 'none')
  child.stdout?.destroy()
  await run(client)
  await client.send(new DescribeVpcsCommand({}))
  child.kill('SIGTERM')
  expect(await exit).toEqual([0, null])
})

test.skipIf(process.getuid?.() !== 0)(
  'Ctrl-C while it starts ends it, and promises no environment that is gone already (as root: the first start of others builds a Debian)',
  async () => {
    const faults = join(folder, 'fifo')
    execFileSync('mkfifo', [faults])
    const { child, stdout, stderr, exit } = start('--faults', faults)
    const said = Promise.all([text(stdout), text(stderr)])
    // Opens when the other end does: then it is in the middle of its start, and waits for what comes.
    const writer = await open(faults, 'w')
    child.kill('SIGINT')
    await writer.writeFile('[]')
    await writer.close()
    expect(await exit).toEqual([0, null])
    // A busy computer may take longer for its start than Ctrl-C waits for that.
    const words = /^benchaway-local-ec2: SIGINT: (?:powering off|not waiting for its start)\n$/
    expect(await said).toEqual(['', expect.stringMatching(words)])
  },
)

test('a second Ctrl-C does not wait for machines that take long to end', async () => {
  const { child, exit, errors } = await startJson()
  const holder = childrenOf(child.pid ?? 0)
  expect(holder).toHaveLength(1)
  const fabric = holder[0] ?? 0
  const started = startOf(fabric)
  expect(started).toBeDefined()
  // It holds the machines, and cannot be ended in an orderly way while it is stopped.
  process.kill(fabric, 'SIGSTOP')
  child.kill('SIGINT')
  // Ctrl-C in a terminal reaches the endpoint twice if npx passes it on: so soon, it is one.
  child.kill('SIGINT')
  const again = setInterval(() => child.kill('SIGINT'), 600)
  expect(await exit).toEqual([130, null])
  clearInterval(again)
  expect(await errors).toBe(
    'benchaway-local-ec2: not waiting: the kernel ends the machines with this process\n',
  )
  await expect.poll(() => startOf(fabric)).not.toBe(started)
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

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
}

/** When a process started, in ticks since boot; `undefined` for one that is gone, or a zombie, which is only a number. */
function startOf(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
