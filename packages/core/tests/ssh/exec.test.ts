import { spawn as spawnHere } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { addAbortSignal, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Connection, connect } from '../../src/ssh/connection.ts'
import { exec, type ExecOptions } from '../../src/ssh/exec.ts'
import { open } from '../../src/ssh/process.ts'
import { shell, shellLine, type ShellValue } from '../../src/ssh/shell-tag.ts'
import { type Sshd, startSshd } from '../sshd.ts'
import { cut, living } from './processes.ts'
import type { SoakInput, SoakReport } from './soak.ts'

// Children and grandchildren: in the process group, in one of their own, in a session of their own, under a process
// whose parent has ended.
const family = `
sleep 1001 &
timeout 1002 sleep 1002 &
setsid sleep 1003 &
(bash -c 'setsid sleep 1004 & sleep 1005' &)
echo started
wait; sleep 1006`
const familySize = 8

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

/** The same connection as an ordinary user's, so that sudo is asked for root. */
function ordinary(): Connection {
  return {
    target: { ...connection.target, user: 'admin' },
    closed: connection.closed,
    openChannel: (command, options) => connection.openChannel(command, options),
    client: (signal) => connection.client(signal),
    close: () => undefined,
  }
}

describe('a result', () => {
  test('carries both streams, the code and the time', async () => {
    const result = await exec(connection, 'echo out; echo err >&2')
    expect(result).toEqual({
      command: 'echo out; echo err >&2',
      exitCode: 0,
      signal: undefined,
      stdout: 'out\n',
      stderr: 'err\n',
      durationMs: expect.any(Number),
    })
  })

  test('of a failing command is an error of the same shape', async () => {
    await expect(exec(connection, 'echo out; echo no >&2; exit 3')).rejects.toMatchObject({
      name: 'CommandError',
      code: 'COMMAND_FAILED',
      message: `'echo out; echo no >&2; exit 3' on 127.0.0.1 ended with exit code 3\nno`,
      command: 'echo out; echo no >&2; exit 3',
      exitCode: 3,
      signal: undefined,
      stdout: 'out\n',
      stderr: 'no\n',
      durationMs: expect.any(Number),
    })
  })

  test('of a failing command is returned when it is not to be checked', async () => {
    const [code, signal] = await Promise.all([
      exec(connection, 'echo out; exit 3', { check: false }),
      exec(connection, 'kill -TERM $$', { check: false }),
    ])
    expect(code).toMatchObject({ exitCode: 3, signal: undefined, stdout: 'out\n', stderr: '' })
    expect(signal).toMatchObject({ exitCode: undefined, signal: 'TERM' })
  })

  test('the exit code of 60 quick commands is never lost', async () => {
    for (let code = 0; code < 60; code++) {
      const wanted = code + 1
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the case in question
      await expect(exec(connection, `exit ${wanted}`)).rejects.toMatchObject({ exitCode: wanted })
    }
  })

  test('a signal is no success', async () => {
    await expect(exec(connection, 'kill -TERM $$')).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: `'kill -TERM $$' on 127.0.0.1 was ended by SIGTERM`,
      exitCode: undefined,
      signal: 'TERM',
    })
  })

  test('what we say to the shell is in no output, whatever is printed around it', async () => {
    const startUp = path.join(sshd.folder, '.bashrc')
    writeFileSync(startUp, 'printf @before >&2')
    const result = await exec(connection, 'printf @after >&2; printf @; exit 1', { check: false })
    rmSync(startUp)
    expect(result).toMatchObject({ stdout: '@', stderr: '@before@after', exitCode: 1 })
  })

  test('what a machine prints cannot steer the terminal from within an error message', async () => {
    const failing = exec(connection, `printf '\\033[2Jbad\\007\\n%09000d' 0; exit 1`)
    const message = await failing.then(
      () => '',
      (error: Error) => error.message,
    )
    expect(message).toContain('bad')
    // oxlint-disable-next-line no-control-regex -- that is the point
    expect(message).not.toMatch(/[\u0000-\u0008\u001B]/)
    expect(message.length).toBeLessThan(5000)
  })

  test('twenty commands at once share a connection although sshd allows ten sessions', async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) => exec(connection, `sleep 0.05; echo ${index}`)),
    )
    expect(results.map((result) => Number(result.stdout))).toEqual([...results.keys()])
  })
})

describe('a command', () => {
  const strange = [
    'a b',
    "it's",
    '$HOME',
    '',
    '*',
    '\\',
    'new\nline',
    '"',
    '`id`',
    'é\u{1F600}',
    '-n',
  ]

  test('as an array reaches the program word by word', async () => {
    const { stdout } = await exec(connection, ['printf', '%s\\0', ...strange])
    expect(stdout.split('\0').slice(0, -1)).toEqual(strange)
  })

  test('as an array is a program, not what a shell takes the name for', async () => {
    await expect(exec(connection, ['exit', '0'])).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      exitCode: 127,
      stderr: expect.stringMatching(/exit: not found\n$/),
    })
    await expect(exec(connection, ['-c', 'echo ran'])).rejects.toMatchObject({ exitCode: 127 })
    await expect(exec(connection, ['-c x'])).rejects.toMatchObject({ exitCode: 127 })
    expect((await exec(connection, ['sh', '-c', 'echo $0 $@', 'if', 'x=1'])).stdout).toBe(
      'if x=1\n',
    )
  })

  test('has exactly the variables it is given', async () => {
    const env = Object.fromEntries(strange.map((value, index) => [`V${index}`, value]))
    const { stdout } = await exec(connection, ['env', '-0'], { env })
    const found = stdout.split('\0').map((line) => line.split(/=(.*)/s).slice(0, 2))
    expect(Object.fromEntries(found)).toMatchObject(env)
    const inShell = await exec(connection, 'printf "%s\\0" "$V1" "$V6" "$V8"', { env })
    expect(inShell.stdout).toBe("it's\0new\nline\0`id`\0")
  })

  test('runs in its folder, whatever that is called', async () => {
    const folder = path.join(sshd.folder, `-it's a "folder" $HOME`)
    mkdirSync(folder)
    expect((await exec(connection, 'pwd', { cwd: folder })).stdout).toBe(`${folder}\n`)
    const [login, above] = await Promise.all([
      exec(connection, 'pwd'),
      exec(connection, 'pwd', { cwd: '..' }),
    ])
    expect(above.stdout).toBe(`${path.dirname(login.stdout.trim())}\n`)
    // To a shell, that is the folder before.
    await expect(exec(connection, 'pwd', { cwd: '-' })).rejects.toMatchObject({
      code: 'COMMAND_NOT_STARTED',
    })
  })

  test('does not run when its folder is missing, and says so', async () => {
    const running = exec(connection, 'echo ran', { cwd: '/no such folder', check: false })
    await expect(running).rejects.toMatchObject({
      code: 'COMMAND_NOT_STARTED',
      message: expect.stringMatching(
        /^'echo ran' on 127.0.0.1 did not start\n.*\/no such folder: No such file or directory$/,
      ),
      hint: 'Check that /no such folder is a folder that the user may enter.',
      stdout: '',
      exitCode: 1,
    })
  })

  test.each([
    [{ timeout: 5000 }, `exec() has no option 'timeout'`],
    [{ timeoutMs: 3e9 }, `option 'timeoutMs' of exec() is 3000000000`],
    [{ env: { 'A-B': 'x' } }, `option 'env' of exec() is { A-B }`],
    [{ env: { UID: '7' } }, `option 'env' of exec() is { UID }`],
    [{ env: { A: 'a\0b' } }, `option 'env' of exec() is { A }`],
    [{ cwd: '' }, `option 'cwd' of exec() is ''`],
    [{ pty: { cols: 5 } }, `option 'pty' of exec() is { cols: 5 }`],
    [{ sudo: 'a b' }, `option 'sudo' of exec() is 'a b'`],
    [{ sudo: '-s' }, `option 'sudo' of exec() is '-s'`],
    [{ check: 0 }, `option 'check' of exec() is 0`],
  ])('an option that would do nothing is refused: %j', async (options, message) => {
    await expect(exec(connection, 'true', options as ExecOptions)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message,
    })
  })

  test.each([
    ['a\0b', 'the command of exec() has a NUL or half a character in it'],
    [['echo', '\uD800'], 'the command of exec() has a NUL or half a character in it'],
    [[], 'the command of exec() is none'],
    [undefined, 'the command of exec() is none'],
  ])('that no shell can be given is refused: %j', async (command, message) => {
    await expect(exec(connection, command as string)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message,
    })
  })

  test('that Linux would not take is refused, one byte less is run', async () => {
    const most = 'é'.repeat(65_000)
    const error = await exec(connection, ['echo', `${most}${'x'.repeat(2000)}`]).catch(
      (thrown: unknown) => thrown,
    )
    const size = Number(/comes to (\d+) bytes/.exec(String(error))?.[1])
    expect(error).toMatchObject({
      code: 'OPTION_INVALID',
      message: `the command of exec() comes to ${size} bytes, of which Linux takes 131071`,
      hint: 'Give what is long as stdin, or push it as a file.',
    })
    const fits = `${most}${'x'.repeat(2000 - (size - 131_071))}`
    expect((await exec(connection, ['echo', fits])).stdout).toBe(`${fits}\n`)
    await expect(exec(connection, ['echo', `${fits}x`])).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    })
  })
})

describe('stdin', () => {
  test('arrives whole, from bytes and from a stream', async () => {
    const bytes = randomBytes(3_000_000)
    const sum = 'sha256sum | cut -c1-64'
    const [fromBytes, fromStream] = await Promise.all([
      exec(connection, sum, { stdin: bytes }),
      exec(connection, sum, { stdin: Readable.from([bytes.subarray(0, 1), bytes.subarray(1)]) }),
    ])
    expect(fromBytes.stdout).toBe(fromStream.stdout)
    expect(fromBytes.stdout).toMatch(/^[0-9a-f]{64}\n$/)
  })

  test('of a program that has already ended arrives whole', async () => {
    // Node throws the output of an ended child away unless somebody reads it by then.
    const results = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const child = spawnHere('echo', ['said before anybody listened'])
        return (await exec(connection, 'cat', { stdin: child.stdout })).stdout
      }),
    )
    expect(new Set(results)).toEqual(new Set(['said before anybody listened\n']))
  })

  test('that breaks is an error with its reason, although the command succeeds', async () => {
    const cause = new Error('the disk is gone')
    const stdin = new Readable({
      read() {
        this.push('half')
        this.destroy(cause)
      },
    })
    await expect(exec(connection, 'cat', { stdin })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: expect.stringMatching(
        /^the input of 'cat' on 127.0.0.1 broke off: the disk is gone/,
      ),
      cause,
    })
  })

  test('that is closed without an end is no end of file', async () => {
    const stdin = new Readable({ read: () => undefined })
    const running = exec(connection, 'cat', { stdin })
    stdin.destroy()
    await expect(running).rejects.toMatchObject({ code: 'TRANSFER_FAILED' })
    await expect(exec(connection, 'cat', { stdin })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
    })
  })

  test('that was read to its end before is an error, and no command waits for it', async () => {
    const stdin = Readable.from(['all of it'])
    await text(stdin)
    await expect(exec(connection, 'cat', { stdin })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: `the input of 'cat' on 127.0.0.1 broke off: it was read to its end before`,
    })
  })

  test('that nobody reads to its end harms no command', async () => {
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(65_536))
      },
    })
    expect((await exec(connection, 'head -c 3 | wc -c', { stdin: endless })).stdout).toBe('3\n')
    expect(endless.destroyed).toBe(true)
  })
})

describe('a terminal', () => {
  test('has the size and the name that were asked for', async () => {
    const pty = { columns: 101, rows: 31, term: 'vt100' }
    const { stdout, stderr } = await exec(connection, 'tty -s && stty size && echo $TERM', { pty })
    expect([stdout, stderr]).toEqual(['31 101\r\nvt100\r\n', ''])
    const plain = await exec(connection, 'stty size; echo $TERM; echo err >&2', { pty: true })
    expect(plain.stdout).toBe('24 80\r\nxterm-256color\r\nerr\r\n')
    expect((await exec(connection, 'tty', { check: false })).stdout).toBe('not a tty\n')
  })

  test('ends the input of a command that reads it', async () => {
    const typed = await exec(connection, 'stty -echo; cat', { pty: true, stdin: 'typed\nhalf' })
    expect(typed.stdout.endsWith('typed\r\nhalf')).toBe(true)
    expect((await exec(connection, 'cat; echo $?', { pty: true })).stdout).toBe('0\r\n')
    const stdin = Readable.from(['a\n', 'b\n'])
    expect((await exec(connection, 'wc -l', { pty: true, stdin })).stdout).toMatch(/2\r\n$/)
  })
})

describe.skipIf(process.getuid?.() !== 0)(
  'sudo (tested by root alone, who needs no password)',
  () => {
    test('is not needed by root for root', async () => {
      // A machine of root's need not have it.
      const options = { sudo: true, env: { PATH: '/nowhere' } }
      expect((await exec(connection, 'echo $UID', options)).stdout).toBe('0\n')
    })

    test('runs the command as another user, with its words, variables and folder intact', async () => {
      const words = ['a b', "it's", '$HOME', '\\', 'new\nline']
      const env = { GREETING: `it's "good" $HOME` }
      const { stdout } = await exec(
        connection,
        ['sh', '-c', 'id -un; pwd; printf "%s\\0" "$GREETING" "$@"', 'sh', ...words],
        { sudo: 'nobody', env, cwd: '/usr' },
      )
      expect(stdout).toBe(`nobody\n/usr\n${[env.GREETING, ...words].join('\0')}\0`)
    })

    test('as root from an ordinary login', async () => {
      const { stdout } = await exec(ordinary(), 'echo $UID $SUDO_COMMAND', { sudo: true })
      expect(stdout).toMatch(/^0 \S*\/bash -c /)
    })

    test('that refuses is an error with its words, and the command has not run', async () => {
      const running = exec(connection, 'echo ran', { sudo: 'no-such-user', check: false })
      await expect(running).rejects.toMatchObject({
        code: 'COMMAND_NOT_STARTED',
        message: expect.stringMatching(
          /^'echo ran' on 127.0.0.1 did not start\nsudo: unknown user:? no-such-user/,
        ),
        hint: `Let user root use sudo without a password (NOPASSWD in sudoers), or leave the option 'sudo' out.`,
        stdout: '',
      })
    })

    test('does not keep a command from being killed with all that it started', async () => {
      const env = { FAMILY: token() }
      const aborter = new AbortController()
      const doomed = exec(ordinary(), family, { sudo: 'nobody', env, signal: aborter.signal })
      doomed.catch(() => undefined)
      await expect.poll(() => living(`FAMILY=${env.FAMILY}`).length).toBe(familySize + 1)
      aborter.abort(new Error('enough'))
      await expect(doomed).rejects.toThrow('enough')
      expect(living(env.FAMILY)).toEqual([])
    })
  },
)

describe('a command that is killed leaves nothing behind', () => {
  test.each([
    ['without a terminal', {}],
    ['with a terminal', { pty: true }],
  ])('%s, when it is aborted', async (_, options) => {
    const env = { FAMILY: token() }
    const aborter = new AbortController()
    const reason = new Error('enough')
    const aborted = exec(connection, family, { ...options, env, signal: aborter.signal })
    aborted.catch(() => undefined)
    await expect.poll(() => living(`FAMILY=${env.FAMILY}`).length).toBe(familySize)
    aborter.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    expect(living(env.FAMILY)).toEqual([])
  })

  test('when its time is up', async () => {
    const env = { FAMILY: token() }
    await expect(exec(connection, family, { env, timeoutMs: 500 })).rejects.toMatchObject({
      code: 'COMMAND_TIMED_OUT',
      message: expect.stringMatching(/^'…' on 127.0.0.1 did not end in 500 ms\nstarted$/),
      signal: 'KILL',
      stdout: 'started\n',
    })
    expect(living(env.FAMILY)).toEqual([])
  })

  test('when it prints too much; the error has as much as was allowed', async () => {
    const env = { FAMILY: token() }
    const flood = `sleep 1000 & echo no >&2; exec yes`
    const doomed = exec(connection, flood, { env, maxOutputBytes: 100_001 })
    await expect(doomed).rejects.toMatchObject({
      code: 'OUTPUT_TOO_LARGE',
      message: `'${flood}' on 127.0.0.1 printed more than 100001 bytes on stdout\nno`,
      stdout: `${'y\n'.repeat(50_000)}y`,
      stderr: 'no\n',
    })
    expect(living(env.FAMILY)).toEqual([])
  })

  test('when its input breaks off', async () => {
    const env = { FAMILY: token() }
    const stdin = new Readable({ read: () => undefined })
    const broken = exec(connection, 'sleep 1000', { env, stdin })
    broken.catch(() => undefined)
    await expect.poll(() => living(env.FAMILY).length).toBeGreaterThan(0)
    stdin.destroy(new Error('gone'))
    await expect(broken).rejects.toMatchObject({ code: 'TRANSFER_FAILED' })
    expect(living(env.FAMILY)).toEqual([])
  })

  test('although it starts new processes all the time', async () => {
    const env = { FAMILY: token() }
    const breeding =
      'f() { while :; do (sleep 0.01; (sleep 1000 &) ; sleep 0.02) & sleep 0.05; done; }; f & f & wait'
    await expect(exec(connection, breeding, { env, timeoutMs: 1000 })).rejects.toMatchObject({
      code: 'COMMAND_TIMED_OUT',
    })
    expect(living(env.FAMILY)).toEqual([])
  })

  test('also when seven are aborted at once, and only those', async () => {
    const env = { FAMILY: token() }
    const other = { OTHER: token() }
    const aborter = new AbortController()
    const bystander = exec(connection, 'read line; echo $line', { env: other, stdin: hanging() })
    bystander.catch(() => undefined)
    const all = Array.from({ length: 7 }, () =>
      exec(connection, 'sleep 1000; true', { env, signal: aborter.signal }).catch(
        (error: unknown) => error,
      ),
    )
    await expect.poll(() => living(`FAMILY=${env.FAMILY}`).length).toBe(14)
    aborter.abort('stop')
    expect(await Promise.all(all)).toEqual(all.map(() => 'stop'))
    expect(living(env.FAMILY)).toEqual([])
    expect(living(other.OTHER).length).toBeGreaterThan(0)
    hung.push('still here\n')
    expect((await bystander).stdout).toBe('still here\n')
  })

  let hung: Readable
  function hanging(): Readable {
    hung = new Readable({ read: () => undefined })
    return hung
  }

  test('also when its shell has ended before, and only what it started is left', async () => {
    const env = { FAMILY: token() }
    const aborter = new AbortController()
    const reason = new Error('enough')
    const aborted = exec(connection, 'sleep 1000 & echo gone', { env, signal: aborter.signal })
    aborted.catch(() => undefined)
    const leaders = (): number[] => living(`FAMILY=${env.FAMILY}`)
    await expect.poll(() => leaders().length).toBe(1)
    aborter.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    expect(leaders()).toEqual([])
  })

  test('an aborted command that was not sent yet is never run', async () => {
    const reason = new Error('enough')
    const mark = token()
    const before = exec(connection, ['touch', path.join(sshd.folder, mark)], {
      signal: AbortSignal.abort(reason),
    })
    await expect(before).rejects.toBe(reason)
    await expect(exec(connection, `test -e ${sshd.folder}/${mark}`)).rejects.toMatchObject({
      exitCode: 1,
    })
  })
})

describe('a process', () => {
  test('is talked to while it runs', async () => {
    const cat = await open(connection, 'cat; echo done >&2; exit 7')
    cat.stdin.write('hello\n')
    const [first] = await once(cat.stdout, 'data')
    expect(String(first)).toBe('hello\n')
    cat.stdin.end()
    const [words] = await once(cat.stderr, 'data')
    expect(String(words)).toBe('done\n')
    expect(await cat.exit).toEqual({ exitCode: 7, signal: undefined })
  })

  test('that is killed settles its exit, whoever is logged in, and nothing of it is left', async () => {
    const mark = token()
    const sleeping = await open(
      connection,
      `export FAMILY=${mark}; sleep 1000 & echo asleep; sleep 1000`,
    )
    await once(sleeping.stdout, 'data')
    sleeping.kill()
    expect((await sleeping.exit).exitCode).toBeUndefined()
    await expect.poll(() => living(mark)).toEqual([])
  })
})

test('the time limit and the signal count while all places are taken, and urgent words do not wait', async () => {
  await using one = await startSshd({ more: ['MaxStartups 1', 'MaxSessions 10'] })
  const alone = await connect(one.target)
  const busy = await Promise.all(
    Array.from({ length: 32 }, () => open(alone, 'echo here; exec cat')),
  )
  await Promise.all(busy.map(({ stdout }) => once(stdout, 'data')))
  await expect(exec(alone, 'true', { timeoutMs: 100 })).rejects.toMatchObject({
    code: 'COMMAND_TIMED_OUT',
    message: `'true' on 127.0.0.1 did not end in 100 ms`,
  })
  const signal = AbortSignal.timeout(100)
  await expect(exec(alone, 'true', { signal })).rejects.toMatchObject({ name: 'TimeoutError' })
  expect((await exec(alone, 'echo now', {}, true)).stdout).toBe('now\n')
  for (const { stdin, stdout, stderr } of busy) {
    stdout.resume()
    stderr.resume()
    stdin.end()
  }
  await Promise.all(busy.map(({ exit }) => exit))
  expect((await exec(alone, 'echo again')).stdout).toBe('again\n')
  alone.close()
})

test('a lost connection never looks like success, checked or not', async () => {
  await using one = await startSshd()
  const alone = await connect(one.target)
  const [waiting, unchecked] = [{}, { check: false, timeoutMs: 60_000 }].map((options) =>
    exec(alone, 'exec cat', {
      ...options,
      stdin: new Readable({ read: () => undefined }),
    }),
  )
  waiting?.catch(() => undefined)
  unchecked?.catch(() => undefined)
  await cut(alone)
  const lost = {
    code: 'CONNECTION_LOST',
    message: `'exec cat' on 127.0.0.1 was cut off: the ssh connection is gone`,
    hint: 'Check that the machine still runs, and your own network.',
    exitCode: undefined,
    signal: undefined,
    stdout: '',
  }
  await expect(waiting).rejects.toMatchObject(lost)
  await expect(unchecked).rejects.toMatchObject(lost)
  await alone.closed
  // What never began has the same shape.
  await expect(exec(alone, 'true')).rejects.toMatchObject({
    name: 'CommandError',
    code: 'CONNECTION_LOST',
    message: `the ssh connection to 127.0.0.1 port ${one.target.port} is gone`,
    hint: 'Check that the machine still runs, and your own network.',
    command: 'true',
    exitCode: undefined,
    stdout: '',
    durationMs: expect.any(Number),
  })
})

test('a command whose connection was lost is not run again by the next connection', async () => {
  await using one = await startSshd()
  const alone = await connect(one.target, { reconnectMs: 20_000 })
  const ran = path.join(one.folder, 'ran')
  const command = `echo once >>${ran}; exec cat`
  const stdin = new Readable({ read: () => undefined })
  const lost = exec(alone, command, { stdin })
  lost.catch(() => undefined)
  await expect.poll(() => existsSync(ran)).toBe(true)
  await cut(alone)
  await expect(lost).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
  expect((await exec(alone, ['cat', ran])).stdout).toBe('once\n')
  alone.close()
})

test('a command that cannot be killed says that it may still run', async () => {
  await using one = await startSshd()
  const alone = await connect(one.target)
  const { stdout } = await exec(alone, 'echo $PPID')
  const server = Number(stdout)
  // It ends when the machine closes its stdin.
  const stdin = new Readable({ read: () => undefined })
  const doomed = exec(alone, 'cat', { stdin, timeoutMs: 300 })
  doomed.catch(() => undefined)
  // The far side stands still, as a machine does that has no memory left.
  process.kill(server, 'SIGSTOP')
  await expect(doomed).rejects.toMatchObject({
    code: 'COMMAND_TIMED_OUT',
    message: `'cat' on 127.0.0.1 did not end in 300 ms; it could not be killed, and may still run`,
  })
  process.kill(server, 'SIGKILL')
  await alone.closed
})

// As many as you like: BENCHAWAY_COMMANDS=100000 vitest run --project e2e packages/core/tests/ssh/exec.test.ts -t thousands
const commands = Number(process.env['BENCHAWAY_COMMANDS'] ?? 2000)

test(
  'thousands of commands leave no memory, channel, listener or process behind',
  async () => {
    const { hostKey, ...target } = sshd.target
    const soak = path.join(import.meta.dirname, 'soak.ts')
    const child = spawnHere(process.execPath, ['--expose-gc', soak], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const input: SoakInput = {
      target: { ...target, hostKey: Buffer.from(hostKey).toString('base64') },
      commands,
    }
    child.stdin.end(JSON.stringify(input))
    const report: SoakReport = JSON.parse(await text(child.stdout))
    expect(report).toMatchObject({ done: commands, processes: 0 })
    for (const [before, after] of [report.listeners, report.resources, report.channels]) {
      expect(after).toBeLessThanOrEqual(before)
    }
    // The engine's own noise, whatever the number of commands.
    expect(report.heap[1] - report.heap[0]).toBeLessThan(1_000_000)
  },
  60_000 + commands * 20,
)

test('a signal that ends the input as well is the reason that is thrown', async () => {
  const aborter = new AbortController()
  const { signal } = aborter
  const stdin = addAbortSignal(signal, new Readable({ read: () => undefined }))
  const reading = exec(connection, 'cat', { stdin, signal })
  const reason = new Error('enough')
  setImmediate(() => aborter.abort(reason))
  await expect(reading).rejects.toBe(reason)
})

test('where sshd gives no terminal nothing is started without one', async () => {
  await using strict = await startSshd({ more: ['PermitTTY no'] })
  const plain = await connect(strict.target)
  const mark = path.join(strict.folder, 'mark')
  await expect(exec(plain, ['touch', mark], { pty: true })).rejects.toMatchObject({
    code: 'COMMAND_NOT_STARTED',
    message: 'sshd gives no terminal',
    hint: 'Leave the option `pty` out, or check PermitTTY in its sshd_config.',
  })
  expect(existsSync(mark)).toBe(false)
  expect((await exec(plain, 'echo without')).stdout).toBe('without\n')
  plain.close()
})

describe('the tag', () => {
  test('makes one word of each value, and several of a list', async () => {
    const $ = shell((line, options) => exec(connection, line, options))
    const value = `a  b'c"d$HOME\`id\`\\ \n*`
    const { stdout } = await $`printf '%s\0' ${value} x${value} ${[1, value]} ${[]} "$((1 + 1))"`
    expect(stdout.split('\0')).toEqual([value, `x${value}`, '1', value, '2', ''])
    const piped = await $({ stdin: 'one\ntwo\n' })`grep ${'t'} | tr ${'a-z'} ${'A-Z'}`
    expect(piped.stdout).toBe('TWO\n')
    const { exitCode } = await $({ check: false })`exit ${2}`
    expect(exitCode).toBe(2)
    expect((await $`echo ${2}>&1`).stdout).toBe('2\n')
  })

  const tagged = (parts: TemplateStringsArray, ...values: ShellValue[]): (() => string) => {
    return () => shellLine(parts.raw, values)
  }
  const x = '$(touch /tmp/never)'

  test.each([
    ['double quotes', tagged`echo "${x}"`],
    ['quotes', tagged`echo '${x}'`],
    ['quotes', tagged`echo $'it\'s ${x}'`],
    ['quotes', tagged`echo $$'a\' '${x}'`],
    ['double quotes', tagged`echo "a\"${x}"`],
    ['double quotes', tagged`echo "$(echo "a") ${x}"`],
    ['a comment', tagged`true # it's ${x}`],
    ['a case', tagged`echo "$(case a in b) echo "${x}";; esac)"`],
    ['a here-document', tagged`cat <<EOF\n${x}\nEOF`],
    ['arithmetic', tagged`echo $((${x} + 1))`],
    ['arithmetic', tagged`echo "$((${x} + 1))"`],
    ['arithmetic', tagged`(( ${x} > 1 )) && true`],
    ['arithmetic', tagged`echo "$[${x}]"`],
    [
      'a comment',
      tagged`true \
# it's ${x}`,
    ],
  ])('refuses a value in %s (%#)', (where, line) => {
    expect(line).toThrow(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        message: expect.stringMatching(new RegExp(`^value \\d of a shell line is in ${where}$`)),
      }),
    )
  })

  test.each([
    [tagged`echo "$(echo ${x})"`, `echo "$(echo '${x}')"`],
    [tagged`echo "a" 'b' ${x}`, `echo "a" 'b' '${x}'`],
    [
      tagged`# it's
    echo ${x}`,
      `# it's\n    echo '${x}'`,
    ],
    [tagged`case a in b) echo ${x};; esac`, `case a in b) echo '${x}';; esac`],
    [tagged`cat <<<${x}`, `cat <<<'${x}'`],
    [tagged`echo $#${x}`, `echo $#'${x}'`],
    [tagged`echo \"${x}\"`, `echo \\"'${x}'\\"`],
  ])('takes a value where it is safe (%#)', (line, expected) => {
    expect(line()).toBe(expected)
  })

  test.each([[undefined], [Number.NaN], [{}], [[[]]], [null]])('refuses the value %j', (value) => {
    expect(() => shellLine(['echo ', ''], [value as unknown as string])).toThrow(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        message: 'value 1 of a shell line is no text',
      }),
    )
  })
})
