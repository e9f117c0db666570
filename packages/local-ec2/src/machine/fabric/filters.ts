/**
 * What may pass: to this computer, answers alone; from a machine that may change its own network, nothing in another
 * one's name. All of it with `tc`, where the kernel has two of its modules.
 */
import { run } from './run.ts'

// Not every kernel has the action that drops; a pair of interfaces that nobody listens on does as well.
const nowhere = 'nowhere'
const nobody = 'nobody'
const drop = `action mirred egress redirect dev ${nowhere}`
const pass = 'flowid 1:1'
const all = 'match u32 0 0'

/** What is dropped goes there: before the first filter. */
export const nowhereLines: readonly string[] = [
  `link add ${nowhere} type veth peer name ${nobody}`,
  `link set ${nowhere} up`,
  `link set ${nobody} up`,
]

/**
 * Lets through what this computer needs for connections that it opened itself: ARP, ICMP, and TCP but for a first
 * packet. TCP without IP options and in one piece, since otherwise the flags would not be where the filter looks.
 */
export function guardUplink(): Promise<void> {
  const tcp = 'match ip protocol 6 0xff match u8 0x05 0x0f at 0 match u16 0 0x3fff at 6'
  return filter('uplink', 'egress', [
    ['ip', `${tcp} match u8 0x02 0x12 at 33`, drop],
    ['ip', tcp, pass],
    ['ip', 'match ip protocol 1 0xff', pass],
    ['arp', all, pass],
    ['all', all, drop],
  ])
}

/**
 * Lets through what a machine sends from its own addresses, as EC2 does.
 *
 * @param port where its packets arrive
 * @param addresses all that it may speak from
 */
export function guardPort(
  port: string,
  macAddress: string,
  addresses: readonly string[],
): Promise<void> {
  const [a = '', b = '', c = '', d = '', e = '', f = ''] = macAddress.split(':')
  const mac = (at: number): string =>
    `match u32 0x${a}${b}${c}${d} 0xffffffff at ${at} match u16 0x${e}${f} 0xffff at ${at + 4}`
  // The Ethernet header ends where the offsets begin.
  const sender = mac(-8)
  return filter(port, 'ingress', [
    ...addresses.map((address) => ['ip', `${sender} match ip src ${address}/32`, pass] as const),
    ...addresses.map(
      (address) => ['arp', `${sender} ${mac(8)} ${arpSender(address)}`, pass] as const,
    ),
    ['all', all, drop],
  ])
}

/** Whether that is to be had at all. */
export async function canGuard(): Promise<boolean> {
  try {
    await filter(nobody, 'ingress', [['all', all, drop]])
    return true
  } catch {
    return false
  } finally {
    // Or what is dropped would come to this filter, be dropped again, and so on for ever.
    await run('tc', ['qdisc', 'delete', 'dev', nobody, 'clsact']).catch(() => {})
  }
}

function arpSender(address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
  return `match u16 ${a * 256 + b} 0xffff at 14 match u16 ${c * 256 + d} 0xffff at 16`
}

async function filter(
  device: string,
  direction: 'ingress' | 'egress',
  rules: readonly (readonly [protocol: string, match: string, then: string])[],
): Promise<void> {
  const lines = rules.map(
    ([protocol, match, then], index) =>
      `filter add dev ${device} ${direction} protocol ${protocol} prio ${index + 1} u32 ${match} ${then}`,
  )
  await run('tc', ['-batch', '-'], [`qdisc add dev ${device} clsact`, ...lines].join('\n'))
}
