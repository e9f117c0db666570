import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'

import { afterEach, describe, expect, test } from 'vitest'

import { fingerprint, publicBlob } from '../../src/keys/openssh.ts'
import { generateKeyPair } from '../../src/keys/pair.ts'
import { type Connection, connect, type ConnectOptions } from '../../src/ssh/connection.ts'
import { exec } from '../../src/ssh/exec.ts'
import { read } from '../../src/ssh/transfer/read.ts'
import { freePort, type Sshd, startSshd } from '../sshd.ts'
import { closing, farAway } from './far-away.ts'
import { living } from './processes.ts'

const patience = { timeout: 20_000 }
const open: (Sshd | Connection)[] = []
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) {
    if ('close' in one) one.close()
    else await one[Symbol.asyncDispose]()
  }
})

async function serve(...more: string[]): Promise<Sshd> {
  const sshd = await startSshd({ more })
  open.push(sshd)
  return sshd
}

async function connectTo(sshd: Sshd, options?: ConnectOptions): Promise<Connection> {
  const connection = await connect(sshd.target, options)
  open.push(connection)
  return connection
}

/** So many commands at once, none of which ends before all have begun: the sshd process that each runs under. */
async function together(connection: Connection, count: number): Promise<number[]> {
  const folder = (await exec(connection, 'mktemp -d')).stdout.trim()
  const line = `touch ${folder}/$$; until [ $(ls ${folder} | wc -l) = ${count} ]; do sleep 0.05; done; echo $PPID`
  const all = await Promise.all(
    Array.from({ length: count }, () => exec(connection, line, { timeoutMs: 40_000 })),
  )
  await exec(connection, `rm -r ${folder}`)
  return all.map(({ stdout }) => Number(stdout))
}

/** The sshd process of one connection. */
async function processOf(connection: Connection): Promise<number> {
  return Number((await exec(connection, 'echo $PPID')).stdout)
}

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
      cause: { message: 'where an ssh server would greet it says: HTTP/1.1 400 Bad Request' },
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

describe('places', () => {
  test('more commands than one connection has places for run at the same time', async () => {
    const connection = await connectTo(await serve())
    expect(new Set(await together(connection, 20)).size).toBe(3)
  })

  test('more than one connection is there only until nothing has used it for a while', async () => {
    const sshd = await serve()
    const connection = await connectTo(sshd, { lingerMs: 500 })
    const before = await connectionsOf(sshd)
    expect(new Set(await together(connection, 20)).size).toBe(3)
    await expect.poll(() => connectionsOf(sshd), patience).toBe(before)
  })

  test('an sshd that allows a single command at a time gets one at a time', async () => {
    const connection = await connectTo(await serve('MaxSessions 1'))
    // Many: sshd refuses what comes together with the end of the one before.
    const numbers = Array.from({ length: 30 }, (_, n) => `${n}\n`)
    const all = await Promise.all(numbers.map((n) => exec(connection, `echo ${n}`)))
    expect(all.map(({ stdout }) => stdout)).toEqual(numbers)
  })

  test('an sshd that allows no command at all is told apart from a lost connection', async () => {
    const sshd = await serve('MaxSessions 0')
    const connection = await connectTo(sshd)
    await expect(connection.openChannel('true')).rejects.toMatchObject({
      code: 'SSH_FULL',
      message: `sshd at 127.0.0.1 port ${sshd.target.port} allows no command`,
      hint: 'Check MaxSessions in its sshd_config: it has to be 1 at least.',
    })
  })

  test('what is urgent runs at once where everything else waits', async () => {
    const connection = await connectTo(await serve())
    const busy = await Promise.all(
      Array.from({ length: 8 }, () => connection.openChannel('sleep 60')),
    )
    const { channel, exit } = await connection.openChannel('exit 7', { urgent: true })
    channel.resume()
    channel.stderr.resume()
    expect(await exit).toEqual({ exitCode: 7, signal: undefined })
    for (const one of busy) one.channel.close()
  })

  test('commands are killed where sshd has no room for who kills them', async () => {
    const connection = await connectTo(await serve('MaxSessions 3'))
    const marks = [1, 2, 3].map((n) => `sleep 600.${process.pid}${n}`)
    const killed = marks.map((line) => exec(connection, line, { timeoutMs: 1000 }))
    for (const result of await Promise.allSettled(killed)) {
      expect(result).toMatchObject({ reason: { code: 'COMMAND_TIMED_OUT' } })
    }
    for (const line of marks) expect(living(line.slice(6))).toEqual([])
  })

  test('a command that was given up while it waited never begins', async () => {
    const sshd = await serve('MaxSessions 1')
    const connection = await connectTo(sshd)
    const first = exec(connection, 'sleep 0.5')
    const stop = new AbortController()
    const mark = path.join(sshd.folder, 'mark')
    const second = exec(connection, ['touch', mark], { signal: stop.signal })
    const reason = new Error('not any more')
    stop.abort(reason)
    await expect(second).rejects.toBe(reason)
    await first
    expect((await exec(connection, 'echo still')).stdout).toBe('still\n')
    expect(existsSync(mark)).toBe(false)
  })

  test('logins at one address are four at a time', async () => {
    const sshd = await serve()
    let now = 0
    let most = 0
    // Hands what it hears on to sshd, and counts who has not come through the door yet.
    const door = net.createServer((from) => {
      most = Math.max(most, ++now)
      const to = net.connect(sshd.target.port, '127.0.0.1')
      from.on('error', () => to.destroy()).pipe(to)
      to.on('error', () => from.destroy()).pipe(from)
    })
    door.listen(0, '127.0.0.1')
    await once(door, 'listening')
    const address = door.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const logins = Array.from({ length: 12 }, async () => {
      const connection = await connect({ ...sshd.target, port })
      now--
      open.push(connection)
    })
    await Promise.all(logins)
    door.close()
    expect(most).toBe(4)
  })
})

describe('a connection that is lost', () => {
  test('is made anew for the next command, within the time for that', async () => {
    const connection = await connectTo(await serve(), { reconnectMs: 20_000 })
    const before = await processOf(connection)
    const running = exec(connection, 'sleep 60')
    process.kill(before, 'SIGKILL')
    await expect(running).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    expect(await processOf(connection)).not.toBe(before)
  })

  test('does not run a command twice', async () => {
    const sshd = await serve()
    const connection = await connectTo(sshd, { reconnectMs: 20_000 })
    const file = path.join(sshd.folder, 'count')
    const line = `echo once >>${file}; kill -9 $PPID; sleep 60`
    await expect(exec(connection, line)).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    expect((await exec(connection, ['cat', file])).stdout).toBe('once\n')
  })

  test('is gone at once when nobody gave time to make it anew', async () => {
    const connection = await connectTo(await serve())
    process.kill(await processOf(connection), 'SIGKILL')
    await connection.closed
    const { host, port } = connection.target
    await expect(exec(connection, 'true')).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: `the ssh connection to ${host} port ${port} is gone`,
    })
  })

  test('fails every command that was asked for while nobody knew', async () => {
    const connection = await connectTo(await serve(), { keepaliveMs: 100 })
    const silent = await processOf(connection)
    process.kill(silent, 'SIGSTOP')
    // The first starts in the channel that is open, the second waits for one that will never be.
    const asked = [exec(connection, 'true'), exec(connection, 'true'), exec(connection, 'true')]
    for (const result of await Promise.allSettled(asked)) {
      expect(result).toMatchObject({ reason: { code: 'CONNECTION_LOST' } })
    }
    process.kill(silent, 'SIGKILL')
  })

  test('is gone when the time is over, and says what was in the way', async () => {
    const sshd = await serve()
    const connection = await connectTo(sshd, { reconnectMs: 300 })
    const child = await processOf(connection)
    sshd.process.kill('SIGKILL')
    await once(sshd.process, 'exit')
    process.kill(child, 'SIGKILL')
    await connection.closed
    await expect(exec(connection, 'true')).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      cause: { code: 'SSH_UNREACHABLE' },
    })
  })

  test('takes those besides it along: none that has broken as well is asked for anything', async () => {
    const sshd = await serve()
    const connection = await connectTo(sshd, { reconnectMs: 10_000, keepaliveMs: 100 })
    const silent = new Set(await together(connection, 28))
    expect(silent.size).toBe(4)
    for (const pid of silent) process.kill(pid, 'SIGSTOP')
    // It asks again when the connection is lost, but not as often as there were connections.
    const bytes = await read(connection, '/etc/hostname')
    for (const pid of silent) process.kill(pid, 'SIGKILL')
    expect(bytes.equals(readFileSync('/etc/hostname'))).toBe(true)
    await expect.poll(() => connectionsOf(sshd), patience).toBe(1)
  })

  test('leaves alone the first one, and what another one carries that is no command', async () => {
    const sshd = await serve()
    const connection = await connectTo(sshd)
    const first = await processOf(connection)
    const extra = async (): Promise<number> => {
      const { channel } = await connection.openChannel('echo $PPID', { apart: true })
      channel.stderr.resume()
      return Number((await channel.toArray()).join(''))
    }
    process.kill(await extra(), 'SIGKILL')
    await expect.poll(() => connectionsOf(sshd), patience).toBe(1)
    expect(await processOf(connection)).toBe(first)

    const one = await connection.client()
    const gone = once(one, 'close')
    const second = await extra()
    process.kill(first, 'SIGKILL')
    await gone
    // It is the first one now.
    const carries = await connection.client()
    const third = await extra()
    expect(third).not.toBe(second)
    process.kill(third, 'SIGKILL')
    await expect.poll(() => connectionsOf(sshd), patience).toBe(1)
    expect(await processOf(connection)).toBe(second)
    expect(await connection.client()).toBe(carries)
  })

  test('what was asked for while another one was in doubt begins, all of it', async () => {
    const sshd = await serve()
    const connection = await connectTo(sshd, { reconnectMs: 10_000 })
    const first = await processOf(connection)
    const working = exec(connection, 'sleep 60').catch(() => undefined)
    const { channel } = await connection.openChannel('echo $PPID; exec cat', { apart: true })
    channel.stderr.resume()
    const [second] = await once(channel, 'data')
    process.kill(first, 'SIGSTOP')
    process.kill(Number(second), 'SIGKILL')
    await once(channel, 'close')
    const begun = path.join(sshd.folder, 'begun')
    const all = [1, 2, 3, 4].map((n) => exec(connection, `echo ${n} >>${begun}; exec sleep 60`))
    for (const one of all) one.catch(() => undefined)
    process.kill(first, 'SIGCONT')
    await expect
      .poll(() => existsSync(begun) && readFileSync(begun, 'utf8').length, patience)
      .toBe(8)
    connection.close()
    await working
  })

  test('is not made anew to somebody who proves another host key, whatever time there is', async () => {
    const sshd = await startSshd()
    const connection = await connectTo(sshd, { reconnectMs: 300_000 })
    const child = await processOf(connection)
    const { port } = sshd.target
    await sshd[Symbol.asyncDispose]()
    const other = await startSshd({ port, hostKey: generateKeyPair() })
    open.push(other)
    let log = ''
    other.process.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString()
    })
    process.kill(child, 'SIGKILL')
    await connection.closed
    await expect(exec(connection, 'true')).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      cause: {
        code: 'HOST_KEY_MISMATCH',
        hint: 'Do not connect again: somebody else answers at that address.',
      },
    })
    expect(log).not.toContain('Accepted')
  })

  test('no further connection is made to somebody who proves another host key', async () => {
    const sshd = await startSshd()
    const connection = await connectTo(sshd)
    const child = await processOf(connection)
    const { port } = sshd.target
    // It listens no more, and serves on who is there.
    sshd.process.kill('SIGKILL')
    await once(sshd.process, 'exit')
    const other = await startSshd({ port, hostKey: generateKeyPair(), more: ['LogLevel VERBOSE'] })
    open.push(sshd, other)
    let log = ''
    other.process.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString()
    })
    for (let more = 3; more > 0; more--) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { channel } = await connection.openChannel('echo $PPID', { apart: true })
      channel.stderr.resume()
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(Number((await channel.toArray()).join(''))).toBe(child)
    }
    expect(log.match(/Connection from/g)).toHaveLength(1)
    expect(log).not.toContain('Accepted')
  })

  test('another one that has work is asked first whether it is still there', async () => {
    const sshd = await serve()
    await using way = await farAway(sshd.target)
    using connection = closing(await connect(way.target, { reconnectMs: 10_000 }))
    const [begun, end] = ['begun', 'end'].map((name) => path.join(sshd.folder, name))
    const line = `echo $PPID; echo 1 >>${begun}; until [ -e ${end} ]; do sleep 0.05; done`
    const busy = Array.from({ length: 12 }, () => exec(connection, line).catch(() => undefined))
    await expect.poll(() => readFileSync(begun ?? '', 'utf8').length, patience).toBe(24)
    way.cutOldest()
    await expect.poll(() => connectionsOf(sshd), patience).toBe(1)
    writeFileSync(end ?? '', '')
    const before = await Promise.all(busy)
    const ids = new Set(before.flatMap((result) => result?.stdout ?? []))
    expect([before.filter((result) => result === undefined).length, ids.size]).toEqual([8, 1])
    expect(ids).toContain((await exec(connection, 'echo $PPID')).stdout)
  })

  test('leaves nobody behind who was about to come', async () => {
    const sshd = await serve()
    await using way = await farAway(sshd.target, 50)
    using connection = closing(await connect(way.target))
    const apart = connection.openChannel('sleep 60', { apart: true })
    const failed = apart.catch((error: unknown) => error)
    await expect.poll(() => connectionsOf(sshd), patience).toBe(2)
    way.cutOldest()
    await connection.closed
    expect(await failed).toMatchObject({ code: 'CONNECTION_LOST' })
    await expect.poll(() => connectionsOf(sshd), patience).toBe(0)
  })

  test('is not made anew after close()', async () => {
    const sshd = await serve()
    const connection = await connectTo(sshd, { reconnectMs: 20_000 })
    connection.close()
    await connection.closed
    await expect(exec(connection, 'true')).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    await expect.poll(() => connectionsOf(sshd), patience).toBe(0)
  })

  test('a machine that falls silent is lost after four questions without an answer', async () => {
    const connection = await connectTo(await serve(), { keepaliveMs: 50 })
    const silent = await processOf(connection)
    process.kill(silent, 'SIGSTOP')
    await expect(exec(connection, 'true')).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    process.kill(silent, 'SIGKILL')
  })
})

test.each(['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'])(
  'what is sent and heard stays the same while both sides agree on keys again and again (%s)',
  async (cipher) => {
    const sshd = await serve(`Ciphers ${cipher}`, 'RekeyLimit 512K', 'LogLevel DEBUG1')
    let log = ''
    sshd.process.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString()
    })
    const connection = await connectTo(sshd)
    // Of all sizes, some of them below and some above what a packet holds.
    const pieces = Array.from({ length: 300 }, (_, n) => randomBytes((n * 977) % 70_000))
    const sent = Buffer.concat(pieces)
    const { channel, exit } = await connection.openChannel('cat')
    channel.stderr.resume()
    const heard: Buffer[] = []
    channel.on('data', (chunk: Buffer) => heard.push(chunk))
    for (const piece of pieces) channel.write(piece)
    channel.end()
    expect(await exit).toEqual({ exitCode: 0, signal: undefined })
    expect(Buffer.concat(heard).equals(sent)).toBe(true)
    expect(log.match(/SSH2_MSG_NEWKEYS received/g)?.length).toBeGreaterThan(10)
  },
)

test('a login with a command is six answers away, and each command after it one', async () => {
  const sshd = await serve()
  const { port, turns, close } = await slowRelay(sshd.target.port)
  const connection = await connect({ ...sshd.target, port })
  open.push(connection)
  await exec(connection, 'true')
  const login = turns()
  await exec(connection, 'true')
  const command = turns() - login
  // sshd takes no input before it has started the program.
  await exec(connection, 'cat', { stdin: 'what it reads' })
  const reader = turns() - login - command
  close()
  // The offer, the keys, the service, the login, a channel, the command.
  expect({ login, command, reader }).toEqual({ login: 6, command: 1, reader: 2 })
})

/** The number of sshd's processes for connections. */
async function connectionsOf({ process: { pid } }: Sshd): Promise<number> {
  const pgrep = spawn('pgrep', ['--count', '--parent', String(pid)])
  const [count] = await pgrep.stdout.setEncoding('utf8').toArray()
  return Number(count)
}

/**
 * Hands on late what it hears, so that what was said together arrives together.
 *
 * @returns `turns` counts how often our side has spoken and was answered
 */
async function slowRelay(
  to: number,
): Promise<{ port: number; turns: () => number; close: () => void }> {
  let turns = 0
  let isAsked = false
  const server = net.createServer((here) => {
    const there = net.connect(to, '127.0.0.1')
    here.on('error', () => there.destroy())
    there.on('error', () => here.destroy())
    const toThere = collect((said) => {
      isAsked = true
      there.write(said)
    })
    const toHere = collect((said) => here.write(said))
    here.on('data', toThere)
    there.on('data', (chunk) => {
      if (isAsked) turns++
      isAsked = false
      toHere(chunk)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    turns: () => turns,
    close: () => server.close(),
  }
}

/** Gives on what came within 25 ms as one. */
function collect(give: (said: Buffer) => void): (chunk: Buffer) => void {
  const held: Buffer[] = []
  return (chunk) => {
    if (held.push(chunk) === 1) setTimeout(() => give(Buffer.concat(held.splice(0))), 25)
  }
}
