import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'

import { expect, test } from 'vitest'

import { fingerprint } from '../../src/keys/openssh.ts'
import { connect } from '../../src/ssh/connection.ts'
import { exec } from '../../src/ssh/exec.ts'
import { freePort, type Sshd, startSshd } from '../sshd.ts'

// A loaded computer needs more than the second that is the default.
const patience = { timeout: 20_000 }

function logOf(sshd: Sshd): () => string {
  let text = ''
  sshd.process.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return () => text
}

test('a machine is reached through another one, which is the one that connects to it', async () => {
  await using gate = await startSshd({ more: ['LogLevel DEBUG1'] })
  await using inner = await startSshd()
  const [gateLog, innerLog] = [logOf(gate), logOf(inner)]
  const via = await connect(gate.target)
  const connection = await connect({ ...inner.target, via })
  expect((await exec(connection, 'echo inside')).stdout).toBe('inside\n')
  const much = randomBytes(20_000_000)
  const sum = createHash('sha256').update(much).digest('hex')
  expect((await exec(connection, 'sha256sum', { stdin: much })).stdout).toBe(`${sum}  -\n`)
  expect(gateLog()).toContain(`target 127.0.0.1 port ${inner.target.port}`)
  expect(innerLog().match(/Accepted publickey/g)).toHaveLength(1)
  // One way only: with the outer connection goes the inner one.
  const running = exec(connection, 'sleep 60')
  const { stdout } = await exec(via, 'echo $PPID')
  process.kill(Number(stdout), 'SIGKILL')
  await expect(running).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
  await Promise.all([via.closed, connection.closed])
})

test('the host key of the machine behind is proved as everywhere', async () => {
  await using gate = await startSshd()
  await using inner = await startSshd()
  const log = logOf(inner)
  const via = await connect(gate.target)
  await expect(
    connect({ ...inner.target, via, hostKey: gate.target.hostKey }),
  ).rejects.toMatchObject({
    code: 'HOST_KEY_MISMATCH',
    message: `127.0.0.1 port ${inner.target.port} proved host key ${fingerprint(inner.target.hostKey)}, expected ${fingerprint(gate.target.hostKey)}`,
  })
  expect(log()).not.toContain('Accepted')
  via.close()
})

test('a machine behind that is not up yet is tried again', async () => {
  await using gate = await startSshd()
  await using model = await startSshd()
  const via = await connect(gate.target)
  const port = await freePort()
  const waiting = connect({ ...model.target, port, via }, { timeoutMs: 1000 })
  await expect(waiting).rejects.toMatchObject({
    code: 'SSH_UNREACHABLE',
    cause: { message: `127.0.0.1 cannot connect to 127.0.0.1 port ${port}: Connection refused` },
  })
  via.close()
})

test('a way that sshd forbids is not tried twice', async () => {
  await using gate = await startSshd({ more: ['PermitOpen none'] })
  await using inner = await startSshd()
  const via = await connect(gate.target)
  await expect(connect({ ...inner.target, via })).rejects.toMatchObject({
    code: 'FORWARDING_REFUSED',
    message: `sshd on 127.0.0.1 does not forward to 127.0.0.1 port ${inner.target.port}`,
  })
  via.close()
})

test('closing the inner connection leaves the outer one as it is', async () => {
  await using gate = await startSshd()
  await using inner = await startSshd()
  const via = await connect(gate.target)
  for (let turn = 0; turn < 3; turn++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const connection = await connect({ ...inner.target, via })
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await exec(connection, 'true')
    connection.close()
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await connection.closed
  }
  expect((await exec(via, 'echo still')).stdout).toBe('still\n')
  via.close()
})

test('a connection that is made anew goes the same way', async () => {
  await using gate = await startSshd()
  await using inner = await startSshd()
  const via = await connect(gate.target, { reconnectMs: 20_000 })
  const connection = await connect({ ...inner.target, via }, { reconnectMs: 20_000 })
  const { stdout } = await exec(via, 'echo $PPID')
  process.kill(Number(stdout), 'SIGKILL')
  const again = async (): Promise<string> => (await exec(connection, 'echo again')).stdout
  // What began on the dying connection fails with it.
  await expect.poll(() => again().catch(String), patience).toBe('again\n')
  connection.close()
  await connection.closed
  via.close()
  await via.closed
  gate.process.kill()
  await once(gate.process, 'exit')
})

test('a connection whose far end hangs up is lost, though the way to it is not', async () => {
  await using gate = await startSshd()
  await using inner = await startSshd()
  const via = await connect(gate.target)
  const connection = await connect({ ...inner.target, via })
  const { stdout } = await exec(connection, 'echo $PPID')
  const running = exec(connection, 'sleep 60')
  process.kill(Number(stdout), 'SIGKILL')
  await expect(running).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
  await connection.closed
  expect((await exec(via, 'echo still')).stdout).toBe('still\n')
  via.close()
})
