import { expect, test } from 'vitest'

import { BenchawayError } from '../errors.ts'
import { TurnedAway } from './login.ts'
import { Pauses } from './pauses.ts'

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
const silent = new Error('Timed out while waiting for handshake')
const turnedAway = new TurnedAway('System is booting up.')
const keyRefused = new BenchawayError('SSH_REFUSED', 'refused the key')

function times(count: number, error: Error): Error[] {
  return Array.from({ length: count }, () => error)
}

/** What is waited after each of them. */
function pausesAfter(errors: readonly Error[]): (number | undefined)[] {
  const pauses = new Pauses()
  return errors.map((error) => pauses.after(error))
}

test('who is refused by the kernel is back within 50 ms, however long that has lasted', () => {
  const after = pausesAfter([...times(20, silent), ...times(1000, refused)])
  expect(Math.max(...after.slice(20).map(Number))).toBe(50)
})

test('who hears nothing waits up to a second', () => {
  const after = pausesAfter(times(100, silent)).map(Number)
  expect(after.slice(0, 2)).toEqual([10, 15])
  expect(after.at(-1)).toBe(1000)
})

test('logins that fail never gather the penalty from which on sshd 10 shuts out', () => {
  let now = 0
  let until = 0
  for (const pauseMs of pausesAfter(times(1000, turnedAway))) {
    // As srclimit.c of OpenSSH does, whose clock counts whole seconds.
    until = Math.max(until, Math.floor(now / 1000)) + 5
    expect(until - Math.floor(now / 1000)).toBeLessThan(15)
    now += pauseMs ?? 0
  }
})

test('a client key is refused three times before that is believed, another failure once', () => {
  expect(pausesAfter([keyRefused, keyRefused, keyRefused])).toEqual([1000, 1000, undefined])
  expect(pausesAfter([new BenchawayError('HOST_KEY_MISMATCH', 'foreign')])).toEqual([undefined])
})
