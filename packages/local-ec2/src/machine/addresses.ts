import { networkInterfaces } from 'node:os'

import { LocalEc2Error } from '../errors.ts'

/** Networks to choose from: RFC 2544's range for benchmarks, which nothing else should use, as 512 of 256 addresses. */
export const networkCount = 512

/** @returns the first three numbers of network `index`, such as `198.18.4` */
export const networkName = (index: number): string =>
  `198.${18 + Math.floor(index / 256)}.${index % 256}`

/** Whether an interface of this computer already has an address in that network. */
export function isInUse(network: string): boolean {
  return Object.values(networkInterfaces())
    .flat()
    .some((entry) => entry?.address.startsWith(`${network}.`))
}

/** Hands out the last numbers of addresses, 10 to 254, least recently used first. */
export class Addresses {
  readonly #free = Array.from({ length: 245 }, (_, index) => index + 10)

  /** @throws {LocalEc2Error} `NO_FREE_ADDRESS` */
  take(): number {
    const number = this.#free.shift()
    if (number !== undefined) return number
    throw new LocalEc2Error('NO_FREE_ADDRESS', 'all 245 addresses for machines are in use', {
      hint: 'Terminate machines, or start another endpoint.',
    })
  }

  give(number: number): void {
    this.#free.push(number)
  }
}
