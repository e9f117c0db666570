import { expect, test } from 'vitest'

import { canonicalIpv6Cidr, formatCidr, parseCidr, quarter } from './cidr.ts'

function canonical(text: string): string | undefined {
  const cidr = parseCidr(text)
  return cidr && formatCidr(cidr)
}

test.each([
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['10.1.2.3/8', '10.0.0.0/8'],
  ['255.255.255.255/32', '255.255.255.255/32'],
  ['203.0.113.7/0', '0.0.0.0/0'],
  ['198.18.4.130/25', '198.18.4.128/25'],
  ['10.0.0.0', undefined],
  ['10.0.0.0/', undefined],
  ['10.0.0.0/33', undefined],
  ['10.0.0/8', undefined],
  ['10.0.0.0/8/8', undefined],
  ['256.0.0.0/8', undefined],
  ['::/0', undefined],
])('%s is %s', (text, cidr) => {
  expect(canonical(text)).toBe(cidr)
})

test.each([
  ['::1/128', '::1/128'],
  ['2001:DB8:0:0:1::7/64', '2001:db8::/64'],
  ['::ffff:10.0.0.1/96', '::ffff:0:0/96'],
  ['fe80::1/0', '::/0'],
  ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127'],
  ['::1', undefined],
  ['::1/129', undefined],
  ['fe80::1%eth0/64', undefined],
  ['10.0.0.0/8', undefined],
])('%s is %s', (text, cidr) => {
  expect(canonicalIpv6Cidr(text)).toBe(cidr)
})

test('the quarters of a range follow each other', () => {
  const range = parseCidr('198.18.4.0/24')
  expect(range && quarter(range).map(formatCidr)).toEqual([
    '198.18.4.0/26',
    '198.18.4.64/26',
    '198.18.4.128/26',
    '198.18.4.192/26',
  ])
})
