import { Places } from './places.ts'

// sshd turns connections away at random from the tenth on that has not logged in (MaxStartups 10:30:100).
const atOnce = 4

const underWay = new Map<string, { readonly places: Places; count: number }>()

/** Does `work`, a login at `address`, when fewer than four of them are under way there. */
export async function handshake<T>(
  address: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const here = underWay.get(address) ?? { places: new Places(atOnce), count: 0 }
  underWay.set(address, here)
  here.count++
  try {
    await here.places.take(signal)
    try {
      return await work()
    } finally {
      here.places.free()
    }
  } finally {
    if (--here.count === 0) underWay.delete(address)
  }
}
