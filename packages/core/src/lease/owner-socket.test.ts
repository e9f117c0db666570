import { spawn } from 'node:child_process'
import { once } from 'node:events'

import { expect, test } from 'vitest'

import { forgetOwner, holdOwnerSocket, probeOwner } from './owner-socket.ts'
import { makeRunId } from './run-id.ts'

test('a run is alive while it holds its socket, and unknown once it has let go', async () => {
  const run = makeRunId()
  const socket = await holdOwnerSocket(run)
  expect(await probeOwner(run)).toBe('alive')
  await socket.close()
  expect(await probeOwner(run)).toBe('unknown')
})

test('a run of which nothing was ever seen here is unknown, not dead', async () => {
  expect(await probeOwner(makeRunId())).toBe('unknown')
})

test('a run whose process was stopped is alive, and dead once it was killed', async () => {
  const run = makeRunId()
  const module = new URL('owner-socket.ts', import.meta.url).href
  const code = `
    const { holdOwnerSocket } = await import('${module}')
    await holdOwnerSocket('${run}')
    process.send('held')
    setInterval(() => {}, 1e6)`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  await once(holder, 'message')
  holder.kill('SIGSTOP')
  expect(await probeOwner(run)).toBe('alive')
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  expect(await probeOwner(run)).toBe('dead')
  forgetOwner(run)
  expect(await probeOwner(run)).toBe('unknown')
})
