/** Ranges of addresses: as much arithmetic as subnets and security group rules need. */
import { isIPv4, isIPv6 } from 'node:net'

export interface Cidr {
  /** First address, as a number below 2^32. */
  base: number
  prefixLength: number
}

/** `undefined` for anything but `a.b.c.d/n`; bits to the right of the prefix are cleared, as EC2 does. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length = '', ...rest] = text.split('/')
  const prefixLength = Number(length)
  if (rest.length > 0 || !isIPv4(address) || !/^\d{1,2}$/.test(length) || prefixLength > 32) {
    return undefined
  }
  const value = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  return { base: value - (value % 2 ** (32 - prefixLength)), prefixLength }
}

export function formatCidr({ base, prefixLength }: Cidr): string {
  const parts = [24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256)
  return `${parts.join('.')}/${prefixLength}`
}

/** The four quarters of a range. */
export function quarter({ base, prefixLength }: Cidr): Cidr[] {
  const size = 2 ** (30 - prefixLength)
  return [0, 1, 2, 3].map((index) => ({
    base: base + index * size,
    prefixLength: prefixLength + 2,
  }))
}

/** Addresses that machines may have: EC2 keeps five of every subnet for itself. */
export function usableAddresses({ prefixLength }: Cidr): number {
  return Math.max(0, 2 ** (32 - prefixLength) - 5)
}

/** An IPv6 range in its canonical form, bits to the right of the prefix cleared; `undefined` if it is none. */
export function canonicalIpv6Cidr(text: string): string | undefined {
  const [address = '', length = '', ...rest] = text.split('/')
  if (rest.length > 0 || !isIPv6(address) || address.includes('%')) return undefined
  if (!/^\d{1,3}$/.test(length) || Number(length) > 128) return undefined
  const hostBits = BigInt(128 - Number(length))
  const value = (groupsOf(address) >> hostBits) << hostBits
  const groups = Array.from(
    { length: 8 },
    (_, index) => (value >> BigInt(112 - 16 * index)) & 0xffffn,
  )
  const full = groups.map((group) => group.toString(16)).join(':')
  return `${compressed(full)}/${Number(length)}`
}

function groupsOf(address: string): bigint {
  const [head = '', tail] = compressed(address).split('::')
  const before = head.split(':').filter(Boolean)
  const after = (tail ?? '').split(':').filter(Boolean)
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  return [...before, ...zeros, ...after].reduce(
    (sum, group) => (sum << 16n) | BigInt(`0x${group}`),
    0n,
  )
}

/** As RFC 5952 writes it; a URL's host is where Node has this. */
function compressed(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}
