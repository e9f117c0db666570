/** The machines' own network: a bridge in the fabric's namespace, one namespace and one veth pair a machine. */
import { writeFileSync } from 'node:fs'

import { exists } from './files.ts'
import { run } from './run.ts'

const bridge = 'machines'

/** Where `ip netns add` keeps the handle of a namespace. */
export const namespaceFile = (name: string): string => `/run/netns/${name}`

/** @param address what this process itself has in that network, such as `198.18.0.1/24`, if anything */
export async function makeBridge(address?: string): Promise<void> {
  // What connects the machines has no IPv6 address of itself. The file is absent where the kernel has no IPv6.
  const setting = '/proc/sys/net/ipv6/conf/default/disable_ipv6'
  if (exists(setting)) writeFileSync(setting, '1')
  await batch([
    'link set lo up',
    `link add ${bridge} type bridge`,
    ...(address === undefined ? [] : [`address add ${address} dev ${bridge}`]),
    `link set ${bridge} up`,
  ])
}

/**
 * Joins the end of the veth pair that leads to this computer.
 *
 * @returns whether machines are kept from opening connections to it, which needs `tc` and two of its kernel modules
 */
export async function joinUplink(): Promise<boolean> {
  const isGuarded = await guardUplink().then(
    () => true,
    () => false,
  )
  await batch([`link set uplink master ${bridge} up`])
  return isGuarded
}

/**
 * Lets through what this computer needs for connections that it opened itself: ARP, ICMP, and TCP but for a first
 * packet. Without IP options, since those would move the flags to where the filter does not look.
 */
async function guardUplink(): Promise<void> {
  const tcp = 'match ip protocol 6 0xff match u8 0x05 0x0f at 0'
  const all = 'match u32 0 0'
  // Not every kernel has the action that drops; a pair of interfaces that nobody listens on does as well.
  const drop = 'action mirred egress redirect dev nowhere'
  const pass = 'flowid 1:1'
  await batch([
    'link add nowhere type veth peer name nobody',
    'link set nowhere up',
    'link set nobody up',
  ])
  const lines = [
    'qdisc add dev uplink clsact',
    rule('ip', 1, `${tcp} match u8 0x02 0x12 at 33`, drop),
    rule('ip', 2, tcp, pass),
    rule('ip', 3, 'match ip protocol 1 0xff', pass),
    rule('arp', 4, all, pass),
    rule('all', 5, all, drop),
  ]
  await run('tc', ['-batch', '-'], lines.join('\n'))
}

/** Makes namespace `name` with `address` on its eth0, connected to the other machines. */
export async function makeNamespace(name: string, address: string): Promise<void> {
  const port = portName(address)
  await batch([
    `netns add ${name}`,
    `link add ${port} type veth peer name eth0 netns ${name}`,
    `link set ${port} master ${bridge} up`,
  ])
  await batch([`address add ${address}/24 dev eth0`, 'link set eth0 up', 'link set lo up'], name)
}

export async function removeNamespace(name: string, address: string): Promise<void> {
  // Deleting the namespace alone frees the port's name only some time later.
  await batch([`link delete ${portName(address)}`, `netns delete ${name}`])
}

const portName = (address: string): string => `m${address.split('.')[3]}`

async function batch(lines: readonly string[], namespace?: string): Promise<void> {
  const inside = namespace === undefined ? [] : ['-n', namespace]
  await run('ip', [...inside, '-batch', '-'], lines.map((line) => `${line}\n`).join(''))
}

function rule(protocol: string, priority: number, match: string, then: string): string {
  return `filter add dev uplink egress protocol ${protocol} prio ${priority} u32 ${match} ${then}`
}
