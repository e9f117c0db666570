import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'

import { BenchawayError, type LaunchOptions } from '@benchaway/core'
import { expect, onTestFinished, test } from 'vitest'

import { type BrokerPowers, startBroker } from '../../src/host/broker.ts'
import { askForMachine } from '../../src/suite/broker.ts'
import { Machine } from '../../src/suite/machine.ts'
import { maxBrokerLine } from '../../src/wire/broker.ts'
import { encodeLine } from '../../src/wire/lines.ts'
import { startLoopback } from './loopback.ts'

const never = new AbortController().signal

/** A broker that writes down what is asked of it. */
async function brokerOf(powers: Partial<BrokerPowers>) {
  const log: string[] = []
  const broker = await startBroker({
    launch: () => Promise.reject(new Error('nothing can be launched')),
    terminate: (instance) => instance.terminate(),
    log: (line) => void log.push(line),
    ...powers,
  })
  onTestFinished(() => broker.close())
  return { ...broker, log }
}

test('a machine is launched as asked, reached with its keys, and terminated once', async () => {
  await using machine = await startLoopback()
  const asked: LaunchOptions[] = []
  const { address, close, log } = await brokerOf({
    launch: async (options) => {
      asked.push(options)
      return { instance: machine.instance, node: '/opt/node' }
    },
  })
  // The longest that EC2 could take, and some more.
  const wanted = { type: 'm7i.large', volumeGib: 9, userData: ['#!/bin/sh', '#'.repeat(100_000)] }
  const given = await askForMachine(address, wanted, never)
  expect(asked).toMatchObject([wanted])
  expect(given.access).toEqual(machine.access)
  expect(given.node).toBe('/opt/node')
  await Promise.all([given.terminate(), given.terminate()])
  expect(machine.terminations()).toBe(1)
  await close()
  expect(machine.terminations()).toBe(1)
  expect(log).toEqual([])
})

test('an error arrives with its code, its words and its hint', async () => {
  const thrown = new BenchawayError('IMAGE_NOT_FOUND', 'no image', { hint: 'Name another.' })
  const { address } = await brokerOf({ launch: () => Promise.reject(thrown) })
  const asking = askForMachine(address, { type: 'm7i.large' }, never)
  await expect(asking).rejects.toBeInstanceOf(BenchawayError)
  await expect(asking).rejects.toMatchObject({
    code: 'IMAGE_NOT_FOUND',
    message: 'no image',
    hint: 'Name another.',
  })
})

test('a machine that nobody holds any more is terminated, and that is said', async () => {
  await using machine = await startLoopback()
  const ended = Promise.withResolvers<void>()
  const { address, log } = await brokerOf({
    launch: async () => ({ instance: machine.instance, node: '/opt/node' }),
    terminate: async (instance) => {
      await instance.terminate()
      ended.resolve()
    },
  })
  const socket = net.connect(address.path)
  socket.write(encodeLine({ token: address.token, launch: { type: 'm7i.large' } }))
  await once(socket, 'data')
  socket.destroy()
  await ended.promise
  expect(machine.terminations()).toBe(1)
  expect(log).toEqual([`m7i.large ${machine.instance.id}: its driver file is gone, terminating it`])
})

test('who gives up while the machine boots stops the launch, and what comes anyway is terminated', async () => {
  await using machine = await startLoopback()
  const launching = Promise.withResolvers<AbortSignal>()
  const ended = Promise.withResolvers<void>()
  const { address } = await brokerOf({
    launch: async ({ signal }) => {
      if (signal === undefined) throw new Error('no signal')
      launching.resolve(signal)
      await once(signal, 'abort')
      return { instance: machine.instance, node: '/opt/node' }
    },
    terminate: async () => ended.resolve(),
  })
  const giveUp = new AbortController()
  const asking = askForMachine(address, { type: 'm7i.large' }, giveUp.signal)
  await launching.promise
  giveUp.abort(new Error('the suite is over'))
  await expect(asking).rejects.toThrow(new Error('the suite is over'))
  await ended.promise
})

test('closing the broker takes every machine back and leaves no file', async () => {
  await using first = await startLoopback()
  await using second = await startLoopback('c7i.large')
  const { address, close } = await brokerOf({
    launch: async ({ type }) => ({
      instance: type === 'm7i.large' ? first.instance : second.instance,
      node: '/opt/node',
    }),
  })
  const [given] = await Promise.all([
    askForMachine(address, { type: 'm7i.large' }, never),
    askForMachine(address, { type: 'c7i.large' }, never),
  ])
  await close()
  expect([first.terminations(), second.terminations()]).toEqual([1, 1])
  expect(existsSync(path.dirname(address.path))).toBe(false)
  await expect(given.terminate()).rejects.toMatchObject({ code: 'MAIN_PROCESS_LOST' })
  await expect(askForMachine(address, { type: 'm7i.large' }, never)).rejects.toMatchObject({
    code: 'MAIN_PROCESS_LOST',
  })
})

test('a machine is not set up before those above it are, nor when one of them cannot be', async () => {
  await using loopback = await startLoopback()
  const calls: string[] = []
  const { address } = await brokerOf({
    launch: async () => ({ instance: loopback.instance, node: '/opt/node' }),
  })
  const planOf = (name: string, setup?: () => unknown) => ({
    type: 'm7i.large',
    timeoutMs: 30_000,
    setup: async () => {
      calls.push(`${name} begins`)
      await setup?.()
      calls.push(`${name} ends`)
    },
  })
  const first = new Machine(planOf('first'), undefined)
  const second = new Machine(
    planOf('second', () => Promise.reject(new Error('it cannot be'))),
    first,
  )
  const third = new Machine(planOf('third'), second)
  // As Vitest calls them when it runs the hooks of a suite at once, at worst.
  const results = await Promise.allSettled([third, second, first].map((one) => one.ready(address)))
  expect(
    results.map((result) => (result.status === 'rejected' ? result.reason : undefined)),
  ).toEqual([new Error('it cannot be'), new Error('it cannot be'), undefined])
  expect(calls).toEqual(['first begins', 'first ends', 'second begins'])
  await Promise.all([third, second, first].map((one) => one.end()))
})

test.for<[string, (token: string) => string]>([
  ['a wrong token', () => encodeLine({ token: 'x', launch: { type: 'm7i.large' } })],
  ['no token', () => encodeLine({ launch: { type: 'm7i.large' } })],
  ['no type', (token) => encodeLine({ token, launch: {} })],
  ['a list for a type', (token) => encodeLine({ token, launch: { type: ['m7i.large'] } })],
  ['no JSON', () => 'GET / HTTP/1.1\r\n'],
  ['a line without end', () => 'x'.repeat(maxBrokerLine + 1)],
  ['an end before a beginning', () => encodeLine({ terminate: true })],
])('the broker hangs up on %s, and launches nothing', async ([, make]) => {
  let launches = 0
  const { address } = await brokerOf({
    launch: () => {
      launches++
      return Promise.reject(new Error('launched'))
    },
  })
  const socket = net.connect(address.path)
  socket.on('error', () => undefined)
  const answer: Buffer[] = []
  socket.on('data', (chunk: Buffer) => void answer.push(chunk))
  socket.write(make(address.token))
  await once(socket, 'close')
  expect(Buffer.concat(answer).toString()).toBe('')
  expect(launches).toBe(0)
})

test('nobody but its user can reach the socket', async () => {
  const { address } = await brokerOf({})
  expect(statSync(path.dirname(address.path)).mode & 0o777).toBe(0o700)
})
