/** Which addresses machines have. Two ranges belong to one endpoint: what machines use among each other, and what leads to them. */
import { networkInterfaces } from 'node:os'

import { LocalEc2Error } from '../errors.ts'
import { parseCidr } from '../world/cidr.ts'

export interface Network {
  /** Where private addresses come from. Its first one after the network's is the machines' router. */
  readonly cidr: string
  /** Where public addresses come from. Its first two are the ends of the link between this computer and that router. */
  readonly publicCidr: string
}

/** RFC 2544's range for benchmarks, 198.18.0.0/15, which nothing else should use, in blocks of 2048 addresses. */
export const networkCount = 64

export function networkOf(index: number): Network {
  const block = toNumber('198.18.0.0') + index * 2048
  return { cidr: `${toAddress(block)}/22`, publicCidr: `${toAddress(block + 1024)}/22` }
}

/** Whether an interface of this computer is in that network, or that network in one of an interface. */
export function isInUse(
  { cidr, publicCidr }: Network,
  interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces(),
): boolean {
  const ranges = [cidr, publicCidr].map(rangeOf)
  return Object.values(interfaces)
    .flat()
    .filter((entry) => entry?.family === 'IPv4')
    .map((entry) => rangeOf(entry?.cidr ?? `${entry?.address}/32`))
    .some((used) => ranges.some((range) => overlap(range, used)))
}

/** @returns address number `index` of a range */
export const addressIn = (cidr: string, index: number): string =>
  toAddress(rangeOf(cidr).first + index)

/** Hands out the addresses of a range, another one each time for as long as there is one. */
export class AddressPool {
  readonly #cidr: string
  readonly #taken = new Set<number>()
  /** The latest one given, by range. */
  readonly #latest = new Map<string, number>()

  constructor(cidr: string) {
    this.#cidr = cidr
  }

  /**
   * @param within a part of the pool's range. Its first four addresses and its last are not given, as in a subnet on
   * EC2; a part of one address is that address
   * @throws {LocalEc2Error} `NO_FREE_ADDRESS`, also when `within` lies elsewhere
   */
  take(within: string = this.#cidr): string {
    const { first, size } = rangeOf(within)
    const { first: lowest, size: all } = rangeOf(this.#cidr)
    const [skipped, count] = size === 1 ? [0, 1] : [4, size - 5]
    const start = (this.#latest.get(within) ?? -1) + 1
    for (let tries = 0; tries < count; tries++) {
      const index = (start + tries) % count
      const number = first + skipped + index
      const isOurs = number >= lowest + 4 && number < lowest + all - 1
      if (!isOurs || this.#taken.has(number)) continue
      this.#latest.set(within, index)
      this.#taken.add(number)
      return toAddress(number)
    }
    throw new LocalEc2Error('NO_FREE_ADDRESS', `no address of ${within} is free in ${this.#cidr}`, {
      hint: 'Terminate machines, or start another endpoint.',
    })
  }

  give(address: string): void {
    this.#taken.delete(toNumber(address))
  }
}

interface Range {
  first: number
  size: number
}

const overlap = (a: Range, b: Range): boolean =>
  a.first < b.first + b.size && b.first < a.first + a.size

function rangeOf(cidr: string): Range {
  const range = parseCidr(cidr)
  if (range === undefined) throw new TypeError(`not an IPv4 range: ${cidr}`)
  return { first: range.base, size: 2 ** (32 - range.prefixLength) }
}

/** `NaN` for anything but an IPv4 address. */
const toNumber = (address: string): number =>
  address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)

const toAddress = (number: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')
