import { remote, useInstance } from '@benchaway/vitest-plugin/driver'
import { describe, expect, test } from 'vitest'

import { types } from './types.ts'

const [type] = types

describe('on a machine', () => {
  const on = useInstance({ type })
  test('a throw', async ({ bench }) => {
    await bench(
      'x',
      remote(import.meta, './functions.ts#fail', { on, args: () => [{ type }] }),
    ).run()
  })
  test('a missing export', async ({ bench }) => {
    await bench('x', remote(import.meta, './functions.ts#nothing', { on })).run()
  })
  test('a function as argument', async ({ bench }) => {
    const args = [{ callback: () => 1 }]
    await bench('x', remote(import.meta, './functions.ts#sum', { on, args })).run()
  })
  test('a hook as closure', async ({ bench }) => {
    const fn = remote(import.meta, './functions.ts#sum', { on })
    await bench('x', { beforeEach: () => undefined }, fn).run()
  })
  test('a signal of its own', async ({ bench }) => {
    const own = new AbortController()
    setTimeout(() => own.abort(new Error('no longer wanted')), 1000)
    const args = [process.env['NAME'] ?? '']
    const fn = remote(import.meta, './functions.ts#spin', { on, args })
    await bench('x', { signal: own.signal }, fn).run()
  })
  test('called as it is', () => {
    expect(remote(import.meta, './functions.ts#sum', { on })()).toBe('measured here')
  })
  test('inside a test', () => {
    expect(useInstance({ type })).toBe('a machine')
  })
  test('too slow', { timeout: 1500 }, async ({ bench }) => {
    const args = [process.env['NAME'] ?? '']
    await bench('x', remote(import.meta, './functions.ts#spin', { on, args })).run()
  })
  test('after it, nothing runs on', async () => {
    // The order to kill it is on its way when the test before this one has ended.
    const programs = async () => (await on.exec('ps -A -o comm=')).stdout
    expect(await programs()).toContain('sshd')
    await expect.poll(programs).not.toContain(process.env['NAME'])
  })
})

describe('of an unknown type', () => {
  const unknown = useInstance({ type: 'x99.mega' })
  test('never runs', () => expect(unknown.id).toBe(''))
})

describe('with a failing setup', () => {
  const broken = useInstance({ type, setup: (machine) => machine.exec('echo no >&2; exit 3') })
  test('never runs', () => expect(broken.id).toBe(''))
})

describe('with a slow setup', () => {
  const slow = useInstance({
    type,
    timeoutMs: 10_000,
    setup: (machine) => machine.exec('sleep 60'),
  })
  test('never runs', () => expect(slow.id).toBe(''))
})
