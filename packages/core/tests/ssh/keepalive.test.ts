import { expect, test } from 'vitest'

import { connect } from '../../src/ssh/connection.ts'
import { exec } from '../../src/ssh/exec.ts'
import { startSshd } from '../sshd.ts'

test('a machine that falls silent is lost after four questions, and a command that runs says so', async () => {
  await using sshd = await startSshd()
  const connection = await connect(sshd.target, { keepaliveMs: 50 })
  const pid = Number((await exec(connection, 'echo $PPID')).stdout)
  const running = exec(connection, 'sleep 60')
  running.catch(() => undefined)
  // Its kernel goes on to acknowledge what we send: only ssh's own questions show it.
  process.kill(pid, 'SIGSTOP')
  try {
    await expect(running).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message:
        "'sleep 60' on 127.0.0.1 was cut off: the ssh connection is gone: it does not answer any more",
      hint: 'Check that the machine still runs, and your own network.',
      cause: { message: 'Keepalive timeout' },
    })
    await connection.closed
    await expect(exec(connection, 'true')).rejects.toMatchObject({
      cause: { message: 'Keepalive timeout' },
    })
  } finally {
    process.kill(pid, 'SIGKILL')
  }
})

test('a machine that has nothing to say is not lost', async () => {
  await using sshd = await startSshd()
  const connection = await connect(sshd.target, { keepaliveMs: 20 })
  // Twenty-five questions long.
  expect((await exec(connection, 'sleep 0.5; echo here')).stdout).toBe('here\n')
  connection.close()
})

test('a connection to a machine that has fallen silent is closed without its answer', async () => {
  await using sshd = await startSshd()
  const connection = await connect(sshd.target)
  const pid = Number((await exec(connection, 'echo $PPID')).stdout)
  process.kill(pid, 'SIGSTOP')
  try {
    connection.close()
    // The questions that are asked of an open connection would take five seconds each.
    await connection.closed
    await expect(exec(connection, 'true')).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
  } finally {
    process.kill(pid, 'SIGKILL')
  }
})
