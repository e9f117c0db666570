import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { Readable } from 'node:stream'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { fingerprint, publicBlob } from '../src/keys/openssh.ts'
import { generateKeyPair } from '../src/keys/pair.ts'
import { type Connection, connect } from '../src/ssh/connection.ts'
import { exec } from '../src/ssh/exec.ts'
import { open } from '../src/ssh/process.ts'
import { pull, push } from '../src/ssh/transfer.ts'
import { freePort, type Sshd, startSshd } from './sshd.ts'

describe('connecting', () => {
  test('waits for a server that starts to listen later', async () => {
    const port = await freePort()
    const hostKey = generateKeyPair()
    // The first knock is refused before the server is even started.
    const knocked = new Promise<void>((resolve) => {
      const early = net.connect(port, '127.0.0.1')
      early.once('error', () => resolve())
    })
    await knocked
    const server = startSshd({ hostKey, port })
    await using sshd = await server
    const connection = await connect(sshd.target, { timeoutMs: 10_000 })
    expect((await exec(connection, 'echo up')).stdout).toBe('up\n')
    connection.close()
  })

  test('stops at once before a foreign host key, naming both, and never logs in', async () => {
    await using sshd = await startSshd()
    let log = ''
    sshd.process.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString()
    })
    const expected = publicBlob(generateKeyPair().publicKey)
    const started = performance.now()
    await expect(connect({ ...sshd.target, hostKey: expected })).rejects.toMatchObject({
      code: 'HOST_KEY_MISMATCH',
      message: `127.0.0.1 port ${sshd.target.port} proved host key ${fingerprint(sshd.target.hostKey)}, expected ${fingerprint(expected)}`,
    })
    // The deadline is 300 s: a retry would show.
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(log).not.toContain('Accepted')
  })

  test('says who was refused when the client key is not let in', async () => {
    await using sshd = await startSshd()
    await using other = await startSshd()
    const target = { ...sshd.target, privateKey: other.target.privateKey }
    await expect(connect(target)).rejects.toMatchObject({
      code: 'SSH_REFUSED',
      message: `127.0.0.1 port ${target.port} refused the key of user ${target.user}`,
    })
  })

  test('does not take an HTTP server for an SSH server', async () => {
    const server = net.createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    await using sshd = await startSshd()
    await expect(connect({ ...sshd.target, port }, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'SSH_UNREACHABLE',
      message: `no ssh login at 127.0.0.1 port ${port} within 0.3 s`,
    })
    server.close()
  })

  test('gives up on a server that accepts and says nothing', async () => {
    const server = net.createServer(() => undefined).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    await using sshd = await startSshd()
    await expect(connect({ ...sshd.target, port }, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'SSH_UNREACHABLE',
    })
    server.close()
  })

  test('ends with the reason of the signal, also in the middle of a handshake', async () => {
    await using sshd = await startSshd()
    const reason = new Error('not wanted any more')
    const aborter = new AbortController()
    const server = net.createServer(() => aborter.abort(reason)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    await expect(connect({ ...sshd.target, port }, { signal: aborter.signal })).rejects.toBe(reason)
    server.close()
  })

  test('says at once that no algorithm is shared', async () => {
    await using sshd = await startSshd({ more: ['Ciphers aes256-ctr'] })
    await expect(connect(sshd.target)).rejects.toMatchObject({
      code: 'SSH_UNSUPPORTED',
      message: `127.0.0.1 port ${sshd.target.port} shares no algorithm with us: Handshake failed: no matching C->S cipher`,
    })
  })
})

describe('on an open connection', () => {
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

  test('a result carries both streams, the code and the time', async () => {
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

  test('a failing command throws an error of the same shape', async () => {
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
      exitCode: undefined,
      signal: 'TERM',
    })
  })

  test('an array reaches the program word by word', async () => {
    const words = ['a b', "it's", '$HOME', '', '*', '\\', 'new\nline', '"']
    const { stdout } = await exec(connection, ['printf', '%s\\0', ...words])
    expect(stdout.split('\0').slice(0, -1)).toEqual(words)
  })

  test('stdin arrives whole, from bytes and from a stream', async () => {
    const bytes = randomBytes(3_000_000)
    const sum = 'sha256sum | cut -c1-64'
    const [fromBytes, fromStream] = await Promise.all([
      exec(connection, sum, { stdin: bytes }),
      exec(connection, sum, { stdin: Readable.from([bytes.subarray(0, 1), bytes.subarray(1)]) }),
    ])
    expect(fromBytes.stdout).toBe(fromStream.stdout)
    expect(fromBytes.stdout).toMatch(/^[0-9a-f]{64}\n$/)
  })

  test('the output of a program that has already ended arrives whole as input', async () => {
    // Node throws the output of an ended child away unless somebody reads it by then.
    const results = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const child = spawn('echo', ['said before anybody listened'])
        const running = exec(connection, 'cat', { stdin: child.stdout })
        return (await running).stdout
      }),
    )
    expect(new Set(results)).toEqual(new Set(['said before anybody listened\n']))
  })

  test('an input that breaks is an error with its reason, although the command succeeds', async () => {
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

  test('twenty commands at once share one connection although sshd allows ten sessions', async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) => exec(connection, `sleep 0.05; echo ${index}`)),
    )
    expect(results.map((result) => Number(result.stdout))).toEqual([...results.keys()])
  })

  test('a command that takes too long is killed', async () => {
    await expect(exec(connection, 'sleep 60', { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'COMMAND_TIMED_OUT',
      message: `'sleep 60' on 127.0.0.1 did not end in 100 ms`,
    })
  })

  test('a flood of output is an error, not memory', async () => {
    await expect(exec(connection, 'yes', { maxOutputBytes: 100_000 })).rejects.toMatchObject({
      code: 'OUTPUT_TOO_LARGE',
    })
  })

  test('a process is talked to while it runs', async () => {
    const cat = await open(connection, 'cat; exit 7')
    cat.stdin.write('hello\n')
    const [first] = await once(cat.stdout, 'data')
    expect(String(first)).toBe('hello\n')
    cat.stdin.end()
    expect(await cat.exit).toEqual({ exitCode: 7, signal: undefined })
  })

  test.each([
    [{ timeout: 5000 }, `exec() has no option 'timeout'`],
    [{ timeoutMs: 3e9 }, `option 'timeoutMs' of exec() is 3000000000`],
  ])('an option that would do nothing is refused: %j', async (options, message) => {
    await expect(exec(connection, 'true', options as object)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message,
    })
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

  test('an input that is closed without an end is no end of file', async () => {
    const stdin = new Readable({ read: () => undefined })
    const running = exec(connection, 'cat', { stdin })
    stdin.destroy()
    await expect(running).rejects.toMatchObject({ code: 'TRANSFER_FAILED' })
    await expect(exec(connection, 'cat', { stdin })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
    })
  })

  test('failed pushes leave no file open', async () => {
    const near = path.join(sshd.folder, 'large')
    writeFileSync(near, Buffer.alloc(20_000_000))
    const before = readdirSync('/proc/self/fd').length
    for (let tries = 0; tries < 5; tries++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(push(connection, near, '/no/such/folder/file')).rejects.toMatchObject({
        code: 'COMMAND_FAILED',
      })
    }
    await expect.poll(() => readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before)
  })

  test('a killed process settles its exit, whoever is logged in', async () => {
    const sleeping = await open(connection, 'echo asleep; exec sleep 60')
    await once(sleeping.stdout, 'data')
    sleeping.kill()
    expect((await sleeping.exit).exitCode).toBeUndefined()
  })

  test('a pushed and pulled file is the same, with the mode that was asked for', async () => {
    const bytes = randomBytes(5_000_000)
    const far = path.join(sshd.folder, `it's far`)
    const near = path.join(sshd.folder, 'near')
    await push(connection, bytes, far, { mode: 0o750 })
    expect(statSync(far).mode & 0o777).toBe(0o750)
    await pull(connection, far, near)
    expect(readFileSync(near).equals(bytes)).toBe(true)
    expect(statSync(near).mode & 0o777).toBe(0o600)
    await push(connection, near, `${far} again`)
    expect(readFileSync(`${far} again`).equals(bytes)).toBe(true)
  })

  test('a failed push leaves nothing behind, a failed pull neither', async () => {
    const before = readdirSync(sshd.folder).toSorted()
    await expect(
      push(connection, new Uint8Array(1), path.join(sshd.folder, 'no', 'such', 'folder')),
    ).rejects.toMatchObject({ code: 'COMMAND_FAILED' })
    await expect(
      pull(connection, '/no/such/file', path.join(sshd.folder, 'pulled')),
    ).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      stderr: expect.stringContaining('/no/such/file: No such file or directory'),
    })
    expect(readdirSync(sshd.folder).toSorted()).toEqual(before)
  })

  test('a pull replaces a link, and what it pointed to stays', async () => {
    const precious = path.join(sshd.folder, 'precious')
    const link = path.join(sshd.folder, 'link')
    writeFileSync(precious, 'mine')
    symlinkSync(precious, link)
    await push(connection, Buffer.from('theirs'), path.join(sshd.folder, 'far'))
    await pull(connection, path.join(sshd.folder, 'far'), link)
    expect(readFileSync(precious, 'utf8')).toBe('mine')
    expect(readFileSync(link, 'utf8')).toBe('theirs')
  })
})

test('the time limit and the signal count while all places are taken, and urgent words do not wait', async () => {
  // One of its own: what root's sshd could not kill above still holds a place.
  await using sshd = await startSshd()
  const connection = await connect(sshd.target)
  const busy = await Promise.all(
    Array.from({ length: 8 }, () => open(connection, 'echo here; exec cat')),
  )
  await Promise.all(busy.map(({ stdout }) => once(stdout, 'data')))
  await expect(exec(connection, 'true', { timeoutMs: 100 })).rejects.toMatchObject({
    code: 'COMMAND_TIMED_OUT',
  })
  const reason = new Error('enough')
  await expect(
    exec(connection, 'true', { signal: AbortSignal.timeout(100) }),
  ).rejects.toMatchObject({ name: 'TimeoutError' })
  await expect(exec(connection, 'true', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  expect((await exec(connection, 'echo now', {}, true)).stdout).toBe('now\n')
  for (const { stdin, stdout, stderr } of busy) {
    stdout.resume()
    stderr.resume()
    stdin.end()
  }
  await Promise.all(busy.map(({ exit }) => exit))
  expect((await exec(connection, 'echo again')).stdout).toBe('again\n')
  connection.close()
})

test('a lost connection never looks like success, and later commands say so', async () => {
  await using sshd = await startSshd()
  const connection = await connect(sshd.target)
  const running = open(connection, 'echo ready; cat')
  const cat = await running
  await once(cat.stdout, 'data')
  const waiting = exec(connection, 'echo half; sleep 60')
  waiting.catch(() => undefined)
  // The session's own server process, not the listener: its parent is ours.
  const { stdout } = await exec(connection, 'echo $PPID')
  process.kill(Number(stdout), 'SIGKILL')
  await expect(waiting).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
  expect(await cat.exit).toEqual({ exitCode: undefined, signal: undefined })
  await connection.closed
  await expect(exec(connection, 'true')).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
})
