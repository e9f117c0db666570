import { isIP } from 'node:net'

import { BenchawayError } from '../errors.ts'
import type { Clients } from './clients.ts'

/**
 * From where ssh is let in: `'me'` is the caller's own address as AWS sees it, `'any'` the whole Internet, otherwise
 * blocks such as `203.0.113.0/24`.
 */
export type Ingress = 'me' | 'any' | readonly string[]

const addressService = 'https://checkip.amazonaws.com'

/** @throws {BenchawayError} `ADDRESS_UNKNOWN` */
export async function ingressCidrs(clients: Clients, ingress: Ingress): Promise<readonly string[]> {
  if (ingress === 'any') return ['0.0.0.0/0', '::/0']
  if (ingress !== 'me') return ingress
  // A local endpoint is reached over this computer's own loopback; asking the Internet would be wrong and may hang.
  if (clients.target === 'local') return ['127.0.0.1/32']
  try {
    const answer = await fetch(addressService, { signal: AbortSignal.timeout(10_000) })
    const address = (await answer.text()).trim()
    if (isIP(address) === 0) throw new Error(`unexpected answer '${address.slice(0, 80)}'`)
    return [isIP(address) === 4 ? `${address}/32` : `${address}/128`]
  } catch (cause) {
    throw new BenchawayError(
      'ADDRESS_UNKNOWN',
      `${addressService} did not say under which address this computer reaches AWS`,
      { hint: "Give your address yourself: ingress: ['203.0.113.7/32'].", cause },
    )
  }
}
