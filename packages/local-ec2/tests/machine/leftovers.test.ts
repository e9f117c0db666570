/** Whatever happens to the process that holds machines, nothing of them stays on this computer. */
import { describe, expect, test } from 'vitest'

import { commandOf, end, left, patience, startEndpoint, ticks } from './traces.ts'

describe('no process, namespace, mount, interface, cgroup or file is left', () => {
  test('when close() has resolved', async () => {
    const endpoint = await startEndpoint()
    await end(endpoint, 'SIGTERM')
    expect(left(endpoint.traces)).toEqual([])
  })

  test('after kill -9 of the endpoint', async () => {
    const endpoint = await startEndpoint()
    await end(endpoint, 'SIGKILL')
    await expect.poll(() => left(endpoint.traces), patience).toEqual([])
  })

  test('after kill -9 of an endpoint that hangs', async () => {
    const endpoint = await startEndpoint()
    endpoint.child.kill('SIGSTOP')
    await end(endpoint, 'SIGKILL')
    await expect.poll(() => left(endpoint.traces), patience).toEqual([])
  })

  test('after kill -9 of the process that holds the machines', async () => {
    const { child, traces, over } = await startEndpoint()
    const fabric = traces.processes.find((each) => commandOf(each).includes('fabric/main'))
    process.kill(Number(fabric?.split(' ')[0]), 'SIGKILL')
    traces.endedAt = ticks()
    await expect.poll(() => left(traces), patience).toEqual([])
    child.kill('SIGKILL')
    await over
  })
}, 120_000)
