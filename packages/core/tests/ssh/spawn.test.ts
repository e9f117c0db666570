import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import path from 'node:path'
import { Readable } from 'node:stream'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Connection, connect } from '../../src/ssh/connection.ts'
import { exec } from '../../src/ssh/exec.ts'
import { signalSession } from '../../src/ssh/far-kill.ts'
import type { Server } from '../../src/ssh/server.ts'
import { spawn, type SpawnOptions } from '../../src/ssh/spawn.ts'
import { freePort, type Sshd, startSshd } from '../sshd.ts'
import { cut, isAlive, living } from './processes.ts'

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

/** Its log without what bash says of a `sleep` that is stopped with it. */
const ownWords = (server: Server): string => server.log().replaceAll(/.*Terminated.*\n/g, '')

describe('a server is ready', () => {
  test('when it has printed a line, on either output', async () => {
    await using one = await spawn(connection, 'echo first; echo up at 8080; exec sleep 1000', {
      ready: { line: 'up at' },
    })
    expect(one.log()).toContain('first\nup at 8080\n')
    await using two = await spawn(
      connection,
      'echo up >&2; sleep 0.1; echo up 12 >&2; exec sleep 1000',
      {
        ready: { line: /^up \d+$/g },
      },
    )
    expect(two.log()).toBe('up\nup 12\n')
    expect([isAlive(one.pid), isAlive(two.pid)]).toEqual([true, true])
  })

  test('when its port is listened on, which nobody connects to', async () => {
    const port = await freePort()
    const script = `
      let guests = 0
      const server = require('net').createServer(() => console.log('guest', ++guests))
      setTimeout(() => server.listen(${port}, '127.0.0.1'), 300)`
    const server = await spawn(connection, [process.execPath, '-e', script], { ready: { port } })
    expect(server.log()).toBe('')
    const guest = net.connect(port, '127.0.0.1')
    await once(guest, 'connect')
    guest.destroy()
    await expect.poll(() => server.log()).toBe('guest 1\n')
    await server.stop()
    await expect(once(net.connect(port, '127.0.0.1'), 'connect')).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    })
  })

  test('when its command succeeds, in its own folder and with its variables', async () => {
    const env = { NAME: `it's ${token()}` }
    const command = 'sleep 0.3; echo done >"$NAME"; exec sleep 1000'
    await using server = await spawn(connection, command, {
      env,
      cwd: sshd.folder,
      ready: { command: 'test "$(cat "$NAME")" = done' },
    })
    const { stdout } = await exec(connection, ['cat', path.join(sshd.folder, env.NAME)])
    expect(stdout).toBe('done\n')
    expect(server.log()).toBe('')
  })

  test('when it has started, if nothing else is asked for', async () => {
    await using server = await spawn(connection, ['sleep', '1000'])
    expect(isAlive(server.pid)).toBe(true)
  })
})

describe('a server that does not get ready', () => {
  test('because it ends is an error with its log, also when it ends well', async () => {
    const failing = spawn(connection, '{ echo one; echo two; } >&2; exit 3', {
      ready: { line: 'up' },
    })
    await expect(failing).rejects.toMatchObject({
      name: 'CommandError',
      code: 'COMMAND_FAILED',
      message: `'{ echo one; echo two; } >&2; exit 3' on 127.0.0.1 ended with exit code 3 before it was ready\none\ntwo`,
      exitCode: 3,
      stdout: 'one\ntwo\n',
    })
    await expect(
      spawn(connection, 'echo up', { ready: { command: 'false' } }),
    ).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: `'echo up' on 127.0.0.1 ended with exit code 0 before it was ready\nup`,
      exitCode: 0,
    })
  })

  test.each<SpawnOptions['ready']>([{ line: 'up' }, { port: 1 }, { command: 'false' }])(
    'in time is killed with all that it has started: %j',
    async (ready) => {
      const env = { FAMILY: token() }
      const late = spawn(connection, 'echo starting; sleep 1000 & sleep 1001; true', {
        env,
        ready,
        readyTimeoutMs: 500,
      })
      await expect(late).rejects.toMatchObject({
        code: 'COMMAND_TIMED_OUT',
        message: `'echo starting; sleep 1000 & sleep 1001; true' on 127.0.0.1 was not ready in 500 ms\nstarting`,
      })
      expect(living(env.FAMILY)).toEqual([])
      // Who watched it is gone as well.
      await expect.poll(() => living('until grep -qs')).toEqual([])
      await expect.poll(() => living('until (')).toEqual([])
    },
  )

  test('because its port is taken is not started', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as net.AddressInfo
    await expect(
      spawn(connection, `touch ${sshd.folder}/ran`, { ready: { port } }),
    ).rejects.toMatchObject({
      code: 'COMMAND_NOT_STARTED',
      message: `'touch ${sshd.folder}/ran' on 127.0.0.1 did not start\nport ${port} is taken already`,
      hint: 'Stop the other server first, or choose another port.',
    })
    await expect(exec(connection, `test -e ${sshd.folder}/ran`)).rejects.toMatchObject({
      exitCode: 1,
    })
    taken.close()
  })

  test('because it is not wanted any more is killed', async () => {
    const env = { FAMILY: token() }
    const reason = new Error('enough')
    const aborter = new AbortController()
    const starting = spawn(connection, 'sleep 1000; true', {
      env,
      ready: { line: 'never' },
      signal: aborter.signal,
    })
    starting.catch(() => undefined)
    await expect.poll(() => living(env.FAMILY).length).toBeGreaterThan(0)
    aborter.abort(reason)
    await expect(starting).rejects.toBe(reason)
    expect(living(env.FAMILY)).toEqual([])
  })

  test('because the connection is lost says so', async () => {
    await using one = await startSshd()
    const alone = await connect(one.target)
    // It ends when the machine closes its stdin.
    const stdin = new Readable({ read: () => undefined })
    const starting = spawn(alone, 'exec cat', { stdin, ready: { line: 'never' } })
    starting.catch(() => undefined)
    await cut(alone)
    await expect(starting).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
  })
})

describe('a server is stopped', () => {
  test('by TERM, which it may answer in its own way, with everything that it has started', async () => {
    const env = { FAMILY: token() }
    const command = `trap 'echo bye; exit 7' TERM; sleep 1000 & setsid sleep 1001 & echo up; while :; do sleep 0.05; done`
    const server = await spawn(connection, command, { env, ready: { line: 'up' } })
    expect(living(env.FAMILY).length).toBeGreaterThan(2)
    const exit = { exitCode: 7, signal: undefined, lost: false }
    expect(await server.stop()).toEqual(exit)
    expect(living(env.FAMILY)).toEqual([])
    expect(ownWords(server)).toBe('up\nbye\n')
    expect(await server.exit).toEqual(exit)
    expect(await server.stop()).toEqual(exit)
  })

  test('by KILL when it does not listen, as soon as its time is up', async () => {
    const env = { FAMILY: token() }
    const command = `trap '' TERM; (trap '' TERM; sleep 1000) & echo up; while :; do sleep 0.05; done`
    const server = await spawn(connection, command, { env, ready: { line: 'up' } })
    expect(await server.stop({ graceMs: 200 })).toEqual({
      exitCode: undefined,
      signal: 'KILL',
      lost: false,
    })
    expect(living(env.FAMILY)).toEqual([])
  })

  test('by the signal that was asked for', async () => {
    const command = `trap 'echo interrupted; exit 0' INT; echo up; while :; do sleep 0.05; done`
    const server = await spawn(connection, command, { ready: { line: 'up' } })
    expect(await server.stop({ signal: 'INT' })).toMatchObject({ exitCode: 0 })
    expect(server.log()).toBe('up\ninterrupted\n')
  })

  test('of what it left behind when it ended by itself', async () => {
    const env = { FAMILY: token() }
    const command = 'sleep 1000 >/dev/null 2>&1 & echo up; exit 5'
    const server = await spawn(connection, command, { env })
    expect(await server.exit).toEqual({ exitCode: 5, signal: undefined, lost: false })
    expect(living(env.FAMILY)).toHaveLength(1)
    expect(await server.stop()).toMatchObject({ exitCode: 5 })
    expect(living(env.FAMILY)).toEqual([])
  })

  test('at the end of a block, and by its signal', async () => {
    const env = { FAMILY: token() }
    {
      await using server = await spawn(connection, 'sleep 1000; true', { env })
      expect(isAlive(server.pid)).toBe(true)
    }
    expect(living(env.FAMILY)).toEqual([])
    const aborter = new AbortController()
    const server = await spawn(connection, 'sleep 1000; true', { env, signal: aborter.signal })
    aborter.abort()
    expect(await server.exit).toEqual({ exitCode: undefined, signal: 'KILL', lost: false })
    expect(living(env.FAMILY)).toEqual([])
  })

  test('several at once', async () => {
    const env = { FAMILY: token() }
    const servers = await Promise.all(
      Array.from({ length: 6 }, () => spawn(connection, 'sleep 1000; true', { env })),
    )
    await Promise.all(servers.map((server) => server.stop()))
    expect(living(env.FAMILY)).toEqual([])
  })

  test.skipIf(process.getuid?.() !== 0)('behind sudo (tested by root alone)', async () => {
    const env = { FAMILY: token() }
    const asAdmin: Connection = {
      target: { ...connection.target, user: 'admin' },
      closed: connection.closed,
      openChannel: (command, options) => connection.openChannel(command, options),
      client: (signal) => connection.client(signal),
      close: () => undefined,
    }
    const command = `trap 'echo bye; exit 7' TERM; id -un; sleep 1000 & while :; do sleep 0.05; done`
    const options = { env, sudo: 'nobody', ready: { line: 'nobody' } }
    const server = await spawn(asAdmin, command, options)
    expect(await server.stop()).toMatchObject({ exitCode: 7 })
    expect(ownWords(server)).toBe('nobody\nbye\n')
    expect(living(env.FAMILY)).toEqual([])
  })
})

test('the log keeps the last bytes, from the beginning of a line on', async () => {
  await using server = await spawn(connection, 'seq 100000; echo up; exec sleep 1000', {
    ready: { line: 'up' },
    maxLogBytes: 1000,
  })
  const lines = server.log().split('\n')
  expect(lines.slice(-3)).toEqual(['100000', 'up', ''])
  expect(server.log().length).toBeLessThanOrEqual(1000)
  expect(server.log().length).toBeGreaterThan(980)
  expect(lines[0]).toMatch(/^\d{5}$/)
})

describe('when the connection is lost', () => {
  test('a server is lost at once, and stopped over the next connection', async () => {
    await using one = await startSshd()
    const alone = await connect(one.target, { reconnectMs: 20_000 })
    const env = { FAMILY: token() }
    const server = await spawn(alone, 'sleep 1000; true', { env })
    await cut(alone)
    expect(await server.exit).toEqual({ exitCode: undefined, signal: undefined, lost: true })
    expect(living(env.FAMILY).length).toBeGreaterThan(0)
    expect(await server.stop()).toEqual({ exitCode: undefined, signal: undefined, lost: true })
    expect(living(env.FAMILY)).toEqual([])
    alone.close()
  })

  test('for good, stopping says that the server may still run', async () => {
    await using one = await startSshd()
    const alone = await connect(one.target)
    const env = { FAMILY: token() }
    {
      await using server = await spawn(alone, ['sleep', '1000'], { env })
      await cut(alone)
      await server.exit
      await expect(server.stop()).rejects.toMatchObject({
        code: 'CONNECTION_LOST',
        message: `'sleep 1000' on 127.0.0.1 may still run: the ssh connection to 127.0.0.1 port ${one.target.port} is gone`,
      })
    }
    const [left] = living(env.FAMILY)
    expect(left).toBeTypeOf('number')
    process.kill(left ?? 0, 'SIGKILL')
  })

  test('another process that has its number by then is left alone', async () => {
    // What the machine says of the first one's birth is what the second one is told by.
    const env = { FAMILY: token() }
    const bystander = await spawn(connection, ['sleep', '1000'], { env })
    const session = { id: String(bystander.pid), birth: '1', sudo: undefined }
    await signalSession(connection, session, 'KILL')
    expect(isAlive(bystander.pid)).toBe(true)
    await signalSession(connection, { ...session, birth: undefined }, 'KILL')
    expect(isAlive(bystander.pid)).toBe(false)
    await bystander.stop()
  })
})

test.each([
  [{ ready: { port: 0 } }, `option 'ready' of spawn() is { port: 0 }`],
  [{ ready: { line: 'a', port: 1 } }, `option 'ready' of spawn() is { line, port: 1 }`],
  [{ timeoutMs: 5 }, `spawn() has no option 'timeoutMs'`],
])('an option that would do nothing is refused: %j', async (options, message) => {
  await expect(spawn(connection, 'true', options as SpawnOptions)).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message,
  })
  await using server = await spawn(connection, ['sleep', '1000'])
  await expect(server.stop({ signal: 'SIGTERM' as 'TERM' })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: `option 'signal' of stop() is 'SIGTERM'`,
  })
})
