import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { type Connection, connect } from '../../src/ssh/connection.ts'
import { exec } from '../../src/ssh/exec.ts'
import { type OutputLine, stream } from '../../src/ssh/stream.ts'
import { type Sshd, startSshd } from '../sshd.ts'
import { cut, living } from './processes.ts'

let sshd: Sshd
let connection: Connection
beforeAll(async () => {
  sshd = await startSshd()
  connection = await connect(sshd.target)
})
afterAll(async () => {
  connection.close()
  await sshd[Symbol.asyncDispose]()
})

const token = (): string => `benchaway-test-${randomBytes(8).toString('hex')}`

/** All lines until the end or the error. */
async function all(
  lines: AsyncIterable<OutputLine>,
): Promise<{ lines: OutputLine[]; error: unknown }> {
  const seen: OutputLine[] = []
  try {
    for await (const line of lines) seen.push(line)
  } catch (error) {
    return { lines: seen, error }
  }
  return { lines: seen, error: undefined }
}

const out = (line: string): OutputLine => ({ stream: 'stdout', line })
const err = (line: string): OutputLine => ({ stream: 'stderr', line })

test('lines come while the command runs, in their order', async () => {
  // The command goes on only when the line before has been seen here.
  const gate = path.join(sshd.folder, 'gate')
  const seen: OutputLine[] = []
  const command = `for i in 1 2 3; do echo line $i; until [ -e ${gate}$i ]; do sleep 0.01; done; done; echo end >&2`
  for await (const line of stream(connection, command)) {
    seen.push(line)
    if (line.stream === 'stdout') writeFileSync(`${gate}${seen.length}`, '')
  }
  expect(seen).toEqual([out('line 1'), out('line 2'), out('line 3'), err('end')])
})

test('empty lines, lines without an end and strange bytes are kept', async () => {
  const { lines, error } = await all(
    stream(connection, `printf '\\n\\na\\r\\n\\377é\\nlast'; printf 'also last' >&2`),
  )
  expect(error).toBeUndefined()
  expect(lines.filter((line) => line.stream === 'stdout').map((line) => line.line)).toEqual([
    '',
    '',
    'a\r',
    '\uFFFDé',
    'last',
  ])
  expect(lines.filter((line) => line.stream === 'stderr')).toEqual([err('also last')])
})

test('a character that comes in two parts is whole', async () => {
  const letter = `printf '\\360\\237'; sleep 0.05; printf '\\230\\200\\n'`
  expect((await all(stream(connection, letter))).lines).toEqual([out('\u{1F600}')])
})

test('a large output is the same line by line', async () => {
  const command = `seq 300000; seq 300001 300010 | tr '\\n' ' '`
  const [{ lines, error }, { stdout }] = await Promise.all([
    all(stream(connection, command)),
    exec(connection, command),
  ])
  expect(error).toBeUndefined()
  expect(lines.map((line) => line.line).join('\n')).toBe(stdout)
})

test('a terminal adds no carriage returns to the lines', async () => {
  const { lines } = await all(stream(connection, 'echo a; printf b >&2', { pty: true }))
  expect(lines).toEqual([out('a'), out('b')])
})

test('stdin, variables and folder are as with exec', async () => {
  const options = { stdin: 'b\na\n', env: { WORD: "it's" }, cwd: '/usr' }
  const { lines } = await all(stream(connection, ['sh', '-c', 'pwd; echo "$WORD"; sort'], options))
  expect(lines).toEqual([out('/usr'), out("it's"), out('a'), out('b')])
})

test('a failure comes after all lines, with the end of what was printed', async () => {
  const { lines, error } = await all(stream(connection, 'seq 10000; echo why >&2; exit 3'))
  expect(lines).toHaveLength(10_001)
  expect(error).toMatchObject({
    name: 'CommandError',
    code: 'COMMAND_FAILED',
    message: `'seq 10000; echo why >&2; exit 3' on 127.0.0.1 ended with exit code 3\nwhy`,
    exitCode: 3,
    stdout: expect.stringMatching(/^\d{4}\n(?:\d+\n)+10000\n$/),
    stderr: 'why\n',
    durationMs: expect.any(Number),
  })
})

test('a lost connection is an error after the lines before it', async () => {
  await using one = await startSshd()
  const alone = await connect(one.target)
  const seen: OutputLine[] = []
  // It ends when the machine closes its stdin.
  const stdin = new Readable({ read: () => undefined })
  const reading = (async () => {
    for await (const line of stream(alone, "printf 'one\ntwo'; exec cat", { stdin })) {
      seen.push(line)
      // Both have come by now: they were printed together.
      if (seen.length === 1) await cut(alone)
    }
  })()
  await expect(reading).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
    exitCode: undefined,
    signal: undefined,
  })
  expect(seen).toEqual([out('one'), out('two')])
  await alone.closed
  expect((await all(stream(alone, 'true'))).error).toMatchObject({ code: 'CONNECTION_LOST' })
})

test('leaving the loop kills the command with all that it has started', async () => {
  const env = { FAMILY: token() }
  const command = 'sleep 1000 & setsid sleep 1001 & echo started; wait; sleep 1002'
  for await (const { line } of stream(connection, command, { env })) {
    expect(line).toBe('started')
    expect(living(env.FAMILY).length).toBeGreaterThan(1)
    break
  }
  expect(living(env.FAMILY)).toEqual([])
})

test('an error thrown within the loop is the one that comes out', async () => {
  const mine = new Error('mine')
  const reading = (async () => {
    for await (const line of stream(connection, 'yes')) if (line.line === 'y') throw mine
  })()
  await expect(reading).rejects.toBe(mine)
})

test('a time limit ends it after the lines before it, a signal at once', async () => {
  const env = { FAMILY: token() }
  const command = 'echo a; printf b; exec sleep 1000'
  const late = await all(stream(connection, command, { env, timeoutMs: 500 }))
  expect(late).toMatchObject({ lines: [out('a'), out('b')], error: { code: 'COMMAND_TIMED_OUT' } })
  const reason = new Error('enough')
  const aborter = new AbortController()
  let count = 0
  const reading = (async () => {
    for await (const line of stream(connection, 'yes', { env, signal: aborter.signal })) {
      count += line.line.length
      aborter.abort(reason)
    }
  })()
  await expect(reading).rejects.toBe(reason)
  expect(count).toBe(1)
  expect(living(env.FAMILY)).toEqual([])
})

test('an endless line is an error, not memory', async () => {
  const { lines, error } = await all(
    stream(connection, `head -c 50000000 /dev/zero`, { maxLineBytes: 10_000 }),
  )
  expect(lines).toEqual([])
  expect(error).toMatchObject({
    code: 'OUTPUT_TOO_LARGE',
    message: expect.stringContaining('printed a line of more than 10000 bytes on stdout'),
  })
  const whole = await all(
    stream(connection, 'printf %05d 1; echo; printf %06d 1; echo', { maxLineBytes: 5 }),
  )
  expect(whole.error).toMatchObject({ code: 'OUTPUT_TOO_LARGE' })
  expect((await all(stream(connection, 'printf %05d 1', { maxLineBytes: 5 }))).lines).toEqual([
    out('00001'),
  ])
})

/** How much the command with this in its environment has written when it writes no more. */
async function writtenAtRest(text: string): Promise<number> {
  const [writer] = living(text)
  let before = -1
  const standsStill = (): boolean => {
    const io = readFileSync(`/proc/${writer}/io`, 'latin1')
    const now = Number(/^wchar: (\d+)$/m.exec(io)?.[1])
    const isSame = now === before
    before = now
    return isSame
  }
  await expect.poll(standsStill, { interval: 200, timeout: 20_000 }).toBe(true)
  return before
}

test('a command waits while nobody asks for its lines, and none is lost', async () => {
  const env = { FAMILY: token() }
  let count = 0
  let atRest = 0
  for await (const { line } of stream(connection, 'exec seq -f %0999.0f 60000', { env })) {
    count++
    expect(Number(line)).toBe(count)
    if (count === 1) atRest = await writtenAtRest(env.FAMILY)
  }
  expect(count).toBe(60_000)
  // What ssh, the machine's pipe and the queue hold, of 60 MB.
  expect(atRest).toBeGreaterThan(100_000)
  expect(atRest).toBeLessThan(10_000_000)
})

test('lines that are empty are not free', async () => {
  const env = { FAMILY: token() }
  for await (const { line } of stream(connection, `exec yes ''`, { env })) {
    expect(line).toBe('')
    expect(await writtenAtRest(env.FAMILY)).toBeLessThan(10_000_000)
    break
  }
  expect(living(env.FAMILY)).toEqual([])
})

test('nothing starts before the first line is asked for', async () => {
  const lines = stream(connection, `touch ${sshd.folder}/started`)
  await exec(connection, 'true')
  expect(existsSync(`${sshd.folder}/started`)).toBe(false)
  expect((await all(lines)).lines).toEqual([])
  expect(existsSync(`${sshd.folder}/started`)).toBe(true)
})

test('a wrong option is refused when it is called', () => {
  expect(() => stream(connection, 'true', { maxLineBytes: 0 })).toThrow(
    expect.objectContaining({
      code: 'OPTION_INVALID',
      message: `option 'maxLineBytes' of stream() is 0`,
    }),
  )
})
