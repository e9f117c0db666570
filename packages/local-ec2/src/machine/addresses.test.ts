import { expect, test } from 'vitest'

import { AddressPool, addressIn, isInUse, networkCount, networkOf } from './addresses.ts'

test('networks lie in 198.18.0.0/15, each with a range of its own for public addresses', () => {
  expect(networkOf(0)).toEqual({ cidr: '198.18.0.0/22', publicCidr: '198.18.4.0/22' })
  expect(networkOf(63)).toEqual({ cidr: '198.19.248.0/22', publicCidr: '198.19.252.0/22' })
  expect(addressIn('198.18.4.0/22', 257)).toBe('198.18.5.1')
})

test.each([
  ['10.1.2.3/8', []],
  ['198.18.0.1/30', [0]],
  // The public half of the second one.
  ['198.18.15.9/32', [1]],
  ['198.18.7.1/20', [0, 1]],
  ['198.18.0.1/16', Array.from({ length: 32 }, (_, index) => index)],
])('an interface with %s keeps machines out of networks %o', (cidr, expected) => {
  const entry = { family: 'IPv4', address: cidr.split('/')[0] ?? '', cidr } as const
  const own = { netmask: '', mac: '', internal: false }
  const interfaces = { tun0: [{ ...own, ...entry }], lo: undefined }
  const all = Array.from({ length: networkCount }, (_, index) => index)
  expect(all.filter((index) => isInUse(networkOf(index), interfaces))).toEqual(expected)
})

test('a pool keeps the five addresses that EC2 keeps, and refuses when all others are taken', () => {
  const pool = new AddressPool('198.18.0.0/28')
  const all = Array.from({ length: 11 }, () => pool.take())
  expect(all).toEqual(Array.from({ length: 11 }, (_, index) => `198.18.0.${index + 4}`))
  expect(() => pool.take()).toThrow(
    expect.objectContaining({
      code: 'NO_FREE_ADDRESS',
      message: 'no address of 198.18.0.0/28 is free in 198.18.0.0/28',
      hint: 'Terminate machines, or start another endpoint.',
    }),
  )
  pool.give('198.18.0.9')
  expect(pool.take()).toBe('198.18.0.9')
})

test('an address that was given back is not the next one', () => {
  const pool = new AddressPool('198.18.0.0/22')
  const first = pool.take()
  pool.give(first)
  expect(pool.take()).not.toBe(first)
})

test('addresses come from the part that is asked for, and from nowhere else', () => {
  const pool = new AddressPool('198.18.0.0/22')
  expect(pool.take('198.18.2.0/24')).toBe('198.18.2.4')
  expect(pool.take('198.18.3.0/24')).toBe('198.18.3.4')
  expect(pool.take('198.18.2.0/24')).toBe('198.18.2.5')
  expect(() => pool.take('10.0.0.0/24')).toThrow(
    expect.objectContaining({
      code: 'NO_FREE_ADDRESS',
      message: 'no address of 10.0.0.0/24 is free in 198.18.0.0/22',
    }),
  )
})

test('a part of one address is that address, once, unless it is the router', () => {
  const pool = new AddressPool('198.18.0.0/22')
  expect(pool.take('198.18.0.77/32')).toBe('198.18.0.77')
  for (const taken of ['198.18.0.77/32', '198.18.0.1/32', '198.18.3.255/32', '198.18.4.9/32']) {
    expect(() => pool.take(taken)).toThrow(expect.objectContaining({ code: 'NO_FREE_ADDRESS' }))
  }
})

test('a whole /22 gives more than a thousand, all different', () => {
  const pool = new AddressPool('198.18.0.0/22')
  expect(new Set(Array.from({ length: 1019 }, () => pool.take())).size).toBe(1019)
})
