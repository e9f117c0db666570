import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { connect, type Connection } from '../../src/ssh/connection.ts'
import { exec } from '../../src/ssh/exec.ts'
import { explain, explainWords, hearRefusal } from '../../src/ssh/explain.ts'
import { freePort, type Sshd, startSshd } from '../sshd.ts'

describe('what commands complain of', () => {
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

  const nobody = 'setpriv --reuid 65534 --clear-groups'
  test.each([
    ['echo x >/dev/full', 'DISK_FULL'],
    ['cat /dev/zero | tar -cf - /etc/hostname 2>&1 >/dev/full', 'DISK_FULL'],
    ['cat </no/such/file', 'FILE_NOT_FOUND'],
    ['touch /no/such/file', 'FILE_NOT_FOUND'],
    ['touch /etc/hostname/file', 'FILE_NOT_FOUND'],
    [`${nobody} cat /etc/shadow`, 'ACCESS_DENIED'],
    [`${nobody} mkdir /mine`, 'ACCESS_DENIED'],
    [`${nobody} chmod 777 /etc/passwd`, 'ACCESS_DENIED'],
    ['echo all is well; exit 1', undefined],
  ])('%s', async (command, code) => {
    const { stderr, stdout } = await exec(connection, `export LC_ALL=C; ${command}`).catch(
      (error: unknown) => error as { stderr: string; stdout: string },
    )
    expect(explainWords(stderr || stdout)?.code).toBe(code)
  })
})

describe('a login that does not come about', () => {
  async function whyNot(port: number): Promise<unknown> {
    await using sshd = await startSshd()
    const failing = connect({ ...sshd.target, port }, { timeoutMs: 300 })
    return failing.catch((error: unknown) => error)
  }

  async function answer(how: (socket: net.Socket) => void): Promise<net.Server> {
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined)
      how(socket)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return server
  }

  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const portOf = (server: net.Server): number => (server.address() as AddressInfo).port

  test('nobody listens', async () => {
    const port = await freePort()
    expect(await whyNot(port)).toMatchObject({
      code: 'SSH_UNREACHABLE',
      message: `no ssh login at 127.0.0.1 port ${port} within 0.3 s: nobody listens there`,
      hint: 'Look at the console of the machine: it is there, and its sshd is not.',
    })
  })

  test('nobody answers', async () => {
    const server = await answer(() => undefined)
    const port = portOf(server)
    expect(await whyNot(port)).toMatchObject({
      code: 'SSH_UNREACHABLE',
      message: `no ssh login at 127.0.0.1 port ${port} within 0.3 s: nobody answers`,
      hint: 'Check that the security group lets your address in on that port, and that your network lets you out to it.',
    })
    server.close()
  })

  test.each(['end', 'resetAndDestroy'] as const)('somebody hangs up: %s', async (how) => {
    const server = await answer((socket) => socket[how]())
    const port = portOf(server)
    expect(await whyNot(port)).toMatchObject({
      code: 'SSH_UNREACHABLE',
      message: `no ssh login at 127.0.0.1 port ${port} within 0.3 s: whoever listens there hangs up before any greeting of an ssh server`,
      hint: 'Check that it is sshd who listens there, that it lets your address in, and that not too many log in there at once (MaxStartups).',
    })
    server.close()
  })

  test('sshd is full', async () => {
    await using sshd = await startSshd({ more: ['MaxStartups 1'] })
    const { port } = sshd.target
    const other = net.connect(port, '127.0.0.1')
    await once(other, 'data')
    await expect(connect(sshd.target, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'SSH_FULL',
      message: `no ssh login at 127.0.0.1 port ${port} within 0.3 s: its sshd has too many logins under way`,
      hint: 'Look who else logs in there all the time, or raise MaxStartups in its sshd_config.',
    })
    other.destroy()
    const connection = await connect(sshd.target)
    connection.close()
  })

  test('sshd from 9.8 on shuts out who has failed too often', async () => {
    // What such a server writes; the one of these tests may be older.
    const server = await answer((socket) => socket.end('Not allowed at this time\r\n'))
    const port = portOf(server)
    expect(await whyNot(port)).toMatchObject({
      code: 'SSH_FULL',
      message: `no ssh login at 127.0.0.1 port ${port} within 0.3 s: its sshd shuts this computer out for a while`,
      hint: 'Wait some minutes: too many logins from your address have failed (PerSourcePenalties in its sshd_config).',
    })
    server.close()
  })

  test('an ordinary greeting is no refusal', async () => {
    await using sshd = await startSshd({ more: ['VersionAddendum Exceeded MaxStartups'] })
    const socket = net.connect(sshd.target.port, '127.0.0.1').pause()
    const refusal = hearRefusal(socket)
    await once(socket.resume(), 'data')
    expect(refusal()).toBe('')
    socket.destroy()
  })

  test('what is not known is not explained', () => {
    expect(explain(new Error('something else'))).toBeUndefined()
    expect(explain('a string')).toBeUndefined()
  })
})
