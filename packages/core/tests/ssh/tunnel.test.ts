import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { BenchawayError } from '../../src/errors.ts'
import { type Connection, connect } from '../../src/ssh/connection.ts'
import { exec } from '../../src/ssh/exec.ts'
import { tunnel, tunnelBetween } from '../../src/ssh/tunnel.ts'
import { freePort, type Sshd, startSshd } from '../sshd.ts'

// A loaded computer needs more than the second that is the default.
const patience = { timeout: 20_000 }

interface Service extends AsyncDisposable {
  readonly port: number
  readonly sockets: Set<net.Socket>
}

/** A program that listens on loopback: for these tests it is on the machine and here at once. */
async function serve(
  answer: (socket: net.Socket) => void,
  where: net.ListenOptions = { port: 0, host: '127.0.0.1' },
): Promise<Service> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
    answer(socket)
  })
  await once(server.listen(where), 'listening')
  return {
    port: portOf(server.address()),
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}

const echo = (socket: net.Socket): void => void socket.pipe(socket)
const say = (words: string) => (socket: net.Socket) => void socket.end(words)
/** Answers only when the other side has ended. */
const digest = (socket: net.Socket): void =>
  void buffer(socket).then(
    (bytes) => socket.end(sha256(bytes)),
    () => socket.destroy(),
  )
const hold = (socket: net.Socket): void => void socket.pause()

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

async function dial(port: number, host = '127.0.0.1'): Promise<net.Socket> {
  const socket = net.connect({ port, host, allowHalfOpen: true })
  await once(socket, 'connect')
  socket.on('error', () => undefined)
  return socket
}

/** Sends all, ends, and reads to the end. */
async function ask(port: number, bytes: string | Uint8Array = ''): Promise<string> {
  const socket = await dial(port)
  socket.end(bytes)
  return (await buffer(socket)).toString()
}

/** How a connection ends that nobody here ends: `end`, or the code of its error. */
function fate(socket: net.Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('end', () => resolve('end'))
    socket.once('error', (error) => resolve(String(Reflect.get(error, 'code'))))
    socket.resume()
  })
}

/** Kills the sshd process that serves this connection. */
async function cut(connection: Connection): Promise<void> {
  const { stdout } = await exec(connection, 'echo $PPID')
  process.kill(Number(stdout), 'SIGKILL')
}

/** Takes a port as soon as its holder is gone. */
async function holdPort(port: number): Promise<net.Server> {
  for (;;) {
    const server = net.createServer()
    try {
      // oxlint-disable-next-line no-await-in-loop -- until it is free
      await once(server.listen(port, '127.0.0.1'), 'listening')
      return server
    } catch {
      // Not yet.
    }
  }
}

describe('over one connection', () => {
  let sshd: Sshd
  let connection: Connection
  beforeAll(async () => {
    sshd = await startSshd({ more: ['MaxSessions 1', 'GatewayPorts clientspecified'] })
    connection = await connect(sshd.target)
  })
  afterAll(async () => {
    connection.close()
    await sshd[Symbol.asyncDispose]()
  })

  test('a port here leads to a port of the machine, and takes a free number by itself', async () => {
    await using service = await serve(echo)
    await using way = await tunnel(connection, { to: service.port })
    expect(way).toMatchObject({ host: '127.0.0.1', port: expect.any(Number) })
    expect(way.port).not.toBe(service.port)
    const bytes = randomBytes(5_000_000)
    const socket = await dial(way.port)
    socket.end(bytes)
    expect(sha256(await buffer(socket))).toBe(sha256(bytes))
  })

  test('a port of the machine leads to a port here', async () => {
    await using service = await serve(echo)
    await using way = await tunnel(connection, { from: 'instance', to: service.port })
    const { stdout } = await exec(
      connection,
      `exec 3<>/dev/tcp/127.0.0.1/${way.port} && echo hello >&3 && head -n 1 <&3`,
    )
    expect(stdout).toBe('hello\n')
  })

  test('one side may end and still get its answer, in both directions', async () => {
    await using service = await serve(digest)
    await using there = await tunnel(connection, { to: service.port })
    await using here = await tunnel(connection, { from: 'instance', to: service.port })
    const bytes = randomBytes(3_000_000)
    expect(await ask(there.port, bytes)).toBe(sha256(bytes))
    expect(await ask(here.port, bytes)).toBe(sha256(bytes))
  })

  test('a service that speaks first and ends is heard to the last byte', async () => {
    const words = 'x'.repeat(4_000_000)
    await using service = await serve(say(words))
    await using way = await tunnel(connection, { to: service.port })
    const socket = await dial(way.port)
    expect((await buffer(socket)).length).toBe(words.length)
    socket.end()
  })

  test.each(['here', 'instance'] as const)(
    'from %s, a program that does not read holds the sender back, and loses nothing',
    async (from) => {
      await using service = await serve(hold)
      await using way = await tunnel(connection, { from, to: service.port })
      const socket = await dial(way.port)
      const chunk = randomBytes(1024 * 1024)
      let sent = 0
      const full = Promise.withResolvers<void>()
      const fill = (): void => {
        // Without an end to it this would go on to the limit.
        while (sent < 256 && socket.write(chunk)) sent++
        sent++
        const timer = setTimeout(full.resolve, 500)
        socket.once('drain', () => {
          clearTimeout(timer)
          if (sent < 256) fill()
          else full.resolve()
        })
      }
      fill()
      await full.promise
      expect(sent).toBeLessThan(64)
      socket.removeAllListeners('drain')
      socket.end()
      const [far] = service.sockets
      expect((await buffer(far!)).length).toBe(sent * chunk.length)
    },
  )

  test('two hundred connections at once do not count as sessions', async () => {
    await using service = await serve(echo)
    await using way = await tunnel(connection, { to: service.port })
    const sockets = await Promise.all(Array.from({ length: 200 }, () => dial(way.port)))
    await Promise.all(
      sockets.map(async (socket, index) => {
        socket.write(`${index}`)
        const [heard] = await once(socket, 'data')
        expect(String(heard)).toBe(`${index}`)
      }),
    )
    expect(service.sockets.size).toBe(200)
    expect((await exec(connection, 'echo and a command')).stdout).toBe('and a command\n')
    for (const socket of sockets) socket.destroy()
  })

  test('of several ports on the machine each leads to its own service', async () => {
    await using red = await serve(say('red'))
    await using blue = await serve(say('blue'))
    await using first = await tunnel(connection, { from: 'instance', to: red.port })
    await using second = await tunnel(connection, { from: 'instance', to: blue.port })
    await using third = await tunnel(connection, { from: 'instance', to: red.port })
    const ports = [first.port, second.port, third.port]
    expect(await Promise.all(ports.map((port) => ask(port)))).toEqual(['red', 'blue', 'red'])
    await second.close()
    await expect(dial(second.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(await ask(third.port)).toBe('red')
  })

  test.each(['here', 'instance'] as const)(
    'a tunnel from %s listens on 127.0.0.1 and nowhere else, although sshd would allow it',
    async (from) => {
      await using service = await serve(echo)
      await using way = await tunnel(connection, { from, to: service.port })
      for (const host of ['127.0.0.2', '::1']) {
        // oxlint-disable-next-line no-await-in-loop -- two
        await expect(dial(way.port, host)).rejects.toMatchObject({ syscall: 'connect' })
      }
    },
  )

  test('another address of this computer listens when it is asked for', async () => {
    await using service = await serve(say('hello'))
    await using way = await tunnel(connection, { to: service.port, host: '127.0.0.2' })
    expect(way.host).toBe('127.0.0.2')
    expect((await buffer(await dial(way.port, '127.0.0.2'))).toString()).toBe('hello')
    await expect(dial(way.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('a tunnel leads to a socket in the file system', async () => {
    const socket = path.join(sshd.folder, 'service.sock')
    await using service = await serve(say('from the file system'), { path: socket })
    await using there = await tunnel(connection, { to: { path: socket } })
    await using here = await tunnel(connection, { from: 'instance', to: { path: socket } })
    expect(await ask(there.port)).toBe('from the file system')
    expect(await ask(here.port)).toBe('from the file system')
    await expect.poll(() => service.sockets.size, patience).toBe(0)
  })

  test('nobody at the other end: the connection is reset and the reason told, and the tunnel stays', async () => {
    const port = await freePort()
    const told: BenchawayError[] = []
    await using way = await tunnel(connection, { to: port, onError: (error) => told.push(error) })
    expect(await fate(await dial(way.port))).toBe('ECONNRESET')
    expect(told).toMatchObject([
      {
        code: 'TARGET_UNREACHABLE',
        message: `127.0.0.1 cannot connect to 127.0.0.1 port ${port}: Connection refused`,
        hint: 'Check on the machine that somebody listens there; a server that has just been started may need a moment.',
      },
    ])
    await using service = await serve(say('here now'), { port, host: '127.0.0.1' })
    expect(service.port).toBe(port)
    expect(await ask(way.port)).toBe('here now')
  })

  test('nobody here at the end of a tunnel from the machine: closed there, and told here', async () => {
    const port = await freePort()
    const told: BenchawayError[] = []
    await using way = await tunnel(connection, {
      from: 'instance',
      to: port,
      onError: (error) => told.push(error),
    })
    expect(await ask(way.port)).toBe('')
    expect(told).toMatchObject([
      {
        code: 'TARGET_UNREACHABLE',
        message: `this computer cannot connect to 127.0.0.1 port ${port}: connect ECONNREFUSED 127.0.0.1:${port}`,
        hint: 'Check that somebody listens there.',
      },
    ])
  })

  test('an address that the machine cannot reach is named with its reason', async () => {
    const told = Promise.withResolvers<BenchawayError>()
    await using way = await tunnel(connection, {
      to: { host: '255.255.255.255', port: 80 },
      onError: told.resolve,
    })
    expect(await fate(await dial(way.port))).toBe('ECONNRESET')
    expect(await told.promise).toMatchObject({
      code: 'TARGET_UNREACHABLE',
      message: expect.stringMatching(/^127.0.0.1 cannot connect to 255.255.255.255 port 80: \w/),
    })
  })

  test('a reset at one end reaches the other', async () => {
    await using service = await serve(hold)
    await using way = await tunnel(connection, { to: service.port })
    const socket = await dial(way.port)
    socket.write('x')
    await expect.poll(() => service.sockets.size, patience).toBe(1)
    const [far] = service.sockets
    socket.resetAndDestroy()
    expect(await fate(far!)).toBe('end')
  })

  test('closing ends the connections and frees the port, on either side', async () => {
    await using service = await serve(echo)
    for (const from of ['here', 'instance'] as const) {
      // oxlint-disable-next-line no-await-in-loop -- two
      const way = await tunnel(connection, { from, to: service.port })
      // oxlint-disable-next-line no-await-in-loop -- two
      const socket = await dial(way.port)
      socket.write('x')
      // oxlint-disable-next-line no-await-in-loop -- two
      await once(socket, 'data')
      const ended = fate(socket)
      // oxlint-disable-next-line no-await-in-loop -- two
      await Promise.all([way.close(), way.close(), way.closed])
      // ssh has no word for a reset.
      // oxlint-disable-next-line no-await-in-loop -- two
      expect(await ended).toBe(from === 'here' ? 'ECONNRESET' : 'end')
      // oxlint-disable-next-line no-await-in-loop -- two
      await expect(dial(way.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      socket.destroy()
    }
    await expect.poll(() => service.sockets.size, patience).toBe(0)
  })

  test('a signal closes it, and one that was aborted before opens nothing', async () => {
    const port = await freePort()
    const stop = new AbortController()
    const way = await tunnel(connection, { to: port, port, signal: stop.signal })
    const reason = new Error('enough')
    stop.abort(reason)
    await way.closed
    await expect(dial(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await expect(tunnel(connection, { to: port, signal: stop.signal })).rejects.toBe(reason)
  })

  test('a port that somebody has here is named', async () => {
    await using other = await serve(echo)
    await expect(tunnel(connection, { to: 80, port: other.port })).rejects.toMatchObject({
      code: 'PORT_UNAVAILABLE',
      message: `this computer cannot listen on 127.0.0.1 port ${other.port}: somebody else has it`,
      hint: 'Use another port, or 0 for a free one.',
    })
  })

  test('an address that this computer does not have is named', async () => {
    await expect(tunnel(connection, { to: 80, host: '192.0.2.1' })).rejects.toMatchObject({
      code: 'PORT_UNAVAILABLE',
      message: 'this computer cannot listen on 192.0.2.1 port 0: it has no such address',
      hint: "Use '127.0.0.1', or an address of this computer.",
    })
  })

  test('a port that somebody has on the machine is told apart from forwarding that is off', async () => {
    await using other = await serve(echo)
    await expect(
      tunnel(connection, { from: 'instance', to: 80, port: other.port }),
    ).rejects.toMatchObject({
      code: 'PORT_UNAVAILABLE',
      message: `sshd on 127.0.0.1 cannot listen on port ${other.port} of the machine`,
      hint: 'Use another port, or 0 for a free one: `ss -ltnp` on the machine says who has it.',
    })
  })

  test('two hundred connections one after the other leave nothing open in sshd', async () => {
    await using service = await serve(say('x'))
    await using way = await tunnel(connection, { to: service.port })
    const pid = Number((await exec(connection, 'echo $PPID')).stdout)
    const open = (): number => readdirSync(`/proc/${pid}/fd`).length
    await ask(way.port)
    const before = open()
    for (let turn = 0; turn < 200; turn++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the case in question
      expect(await ask(way.port, 'y')).toBe('x')
    }
    await expect.poll(open, patience).toBeLessThanOrEqual(before)
  })

  test.each([
    [{}, "a tunnel needs its option 'to'"],
    [{ to: 0 }, `option 'to' of tunnel() is 0`],
    [{ to: { port: 80 } }, `option 'to' of tunnel() is { port: 80 }`],
    [{ to: { path: '/a', port: 80 } }, `option 'to' of tunnel() is { path, port: 80 }`],
    [{ to: 80, from: 'there' }, `option 'from' of tunnel() is 'there'`],
    [{ to: 80, from: 'instance', host: '0.0.0.0' }, `option 'host' of tunnel() is '0.0.0.0'`],
    [{ to: 80, host: 'localhost' }, `option 'host' of tunnel() is 'localhost'`],
    [{ to: 80, ports: 1 }, `tunnel() has no option 'ports'`],
  ])('an option that would do nothing is refused: %j', async (options, message) => {
    await expect(tunnel(connection, options as never)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message,
    })
  })

  test('an option that one between two machines does not have is refused in its name', async () => {
    const options = { to: 80, from: 'here' }
    await expect(tunnelBetween(connection, connection, options)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: `tunnelTo() has no option 'from'`,
    })
  })
})

test('forwarding that sshd forbids is an error with advice, both ways', async () => {
  await using sshd = await startSshd({ more: ['AllowTcpForwarding no'] })
  const connection = await connect(sshd.target)
  const hint =
    "Allow it in the image's sshd_config: AllowTcpForwarding, DisableForwarding, PermitOpen and PermitListen decide."
  for (const port of [0, await freePort()]) {
    // oxlint-disable-next-line no-await-in-loop -- two
    await expect(tunnel(connection, { from: 'instance', to: 80, port })).rejects.toMatchObject({
      code: 'FORWARDING_REFUSED',
      message: 'sshd on 127.0.0.1 does not listen for us',
      hint,
    })
  }
  const told = Promise.withResolvers<BenchawayError>()
  await using way = await tunnel(connection, { to: 8080, onError: told.resolve })
  expect(await fate(await dial(way.port))).toBe('ECONNRESET')
  expect(await told.promise).toMatchObject({
    code: 'FORWARDING_REFUSED',
    message: 'sshd on 127.0.0.1 does not forward to 127.0.0.1 port 8080',
    hint,
  })
  connection.close()
})

describe('a lost connection', () => {
  test('breaks what runs through the tunnel, and is never taken for the end of the data', async () => {
    await using sshd = await startSshd()
    await using service = await serve(echo)
    const connection = await connect(sshd.target)
    const told = Promise.withResolvers<BenchawayError>()
    await using way = await tunnel(connection, { to: service.port, onError: told.resolve })
    const socket = await dial(way.port)
    socket.write('half')
    await once(socket, 'data')
    const ended = fate(socket)
    await cut(connection)
    expect(await ended).toBe('ECONNRESET')
    expect(await told.promise).toMatchObject({
      code: 'CONNECTION_LOST',
      message: `the ssh connection to 127.0.0.1 port ${sshd.target.port} is gone`,
    })
    await way.closed
  })

  test('that is made anew has its tunnels again, both ways, at the same ports', async () => {
    await using sshd = await startSshd()
    await using service = await serve(say('still here'))
    const connection = await connect(sshd.target, { reconnectMs: 20_000 })
    const told: BenchawayError[] = []
    const onError = (error: BenchawayError): void => void told.push(error)
    await using there = await tunnel(connection, { to: service.port, onError })
    await using here = await tunnel(connection, { from: 'instance', to: service.port, onError })
    for (let cuts = 0; cuts < 3; cuts++) {
      // oxlint-disable-next-line no-await-in-loop -- one cut after the other
      await cut(connection)
      // oxlint-disable-next-line no-await-in-loop -- one cut after the other
      expect(await ask(there.port)).toBe('still here')
      // oxlint-disable-next-line no-await-in-loop -- one cut after the other
      await expect.poll(() => ask(here.port).catch(String), patience).toBe('still here')
    }
    expect(told).toEqual([])
    connection.close()
    await Promise.all([there.closed, here.closed])
  })

  test('whose port somebody has taken meanwhile says so once, and has it again when it is free', async () => {
    await using sshd = await startSshd()
    await using service = await serve(say('mine'))
    const connection = await connect(sshd.target, { reconnectMs: 20_000 })
    const told: BenchawayError[] = []
    await using way = await tunnel(connection, {
      from: 'instance',
      to: service.port,
      onError: (error) => told.push(error),
    })
    const { stdout } = await exec(connection, 'echo $PPID')
    // A login takes longer than this.
    process.kill(Number(stdout), 'SIGKILL')
    const squatter = await holdPort(way.port)
    await expect.poll(() => told.map(({ code }) => code), patience).toEqual(['PORT_UNAVAILABLE'])
    squatter.close()
    await expect.poll(() => ask(way.port).catch(String), patience).toBe('mine')
    expect(told).toHaveLength(1)
    connection.close()
    await way.closed
  })
})

test('whatever is reset or cut on the way, no answer is wrong and nothing stays open', async () => {
  await using sshd = await startSshd()
  await using service = await serve(digest)
  const connection = await connect(sshd.target, { reconnectMs: 20_000 })
  const to = service.port
  await using there = await tunnel(connection, { to })
  await using here = await tunnel(connection, { from: 'instance', to })
  await using both = await tunnelBetween(connection, connection, { to })
  const ports = [there.port, here.port, both.port]
  const visit = async (index: number): Promise<'right' | 'none' | 'wrong'> => {
    // Mostly small, some larger than a window.
    const bytes = randomBytes(Math.floor(Math.random() ** 4 * 4e6))
    const socket = net.connect({ port: ports[index % 3] ?? 0, allowHalfOpen: true })
    try {
      await once(socket, 'connect')
      if (index % 5 === 0) {
        socket.on('error', () => undefined)
        socket.write(bytes)
        socket.resetAndDestroy()
        return 'none'
      }
      socket.end(bytes)
      const heard = (await buffer(socket)).toString()
      if (heard === sha256(bytes)) return 'right'
      // What breaks on this computer's side of ssh ends on the machine: it has no word for a break.
      return heard === '' && index % 3 > 0 ? 'none' : 'wrong'
    } catch {
      return 'none'
    } finally {
      socket.destroy()
    }
  }
  const open = (): number => readdirSync('/proc/self/fd').length
  const before = open()
  const seen: string[] = []
  for (let round = 0; round < 3; round++) {
    const visits = Array.from({ length: 30 }, (_, index) => visit(index))
    // oxlint-disable-next-line no-await-in-loop -- one round after the other
    if (round === 1) await cut(connection)
    // oxlint-disable-next-line no-await-in-loop -- one round after the other
    seen.push(...(await Promise.all(visits)))
  }
  expect(seen).not.toContain('wrong')
  expect(seen.filter((answer) => answer === 'right').length).toBeGreaterThanOrEqual(24)
  await expect.poll(() => service.sockets.size, patience).toBe(0)
  await expect.poll(open, patience).toBeLessThanOrEqual(before)
  connection.close()
  await connection.closed
})

test('a port on one machine leads to a service on another', async () => {
  await using one = await startSshd()
  await using other = await startSshd()
  await using service = await serve(digest)
  const [from, to] = await Promise.all([connect(one.target), connect(other.target)])
  await using way = await tunnelBetween(from, to, { to: service.port })
  const bytes = randomBytes(3_000_000)
  expect(await ask(way.port, bytes)).toBe(sha256(bytes))
  // Whichever of the two is gone, nobody would be led on.
  to.close()
  await way.closed
  await expect(dial(way.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  from.close()
})
