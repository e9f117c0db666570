/**
 * The machines' own network: a bridge in the fabric's namespace, one namespace and one veth pair a machine. The
 * fabric is their router: it leads public addresses to them and is, itself, where their metadata service is.
 *
 * Nothing here waits for ARP, whose first requests a busy computer may lose: who lives where is written down.
 */
import { statSync, writeFileSync } from 'node:fs'

import { exists } from './files.ts'
import type { BootOrder, Wiring } from './protocol.ts'
import { run } from './run.ts'

/** The address of the metadata service, the same on every machine on EC2. */
export const metadataAddress = '169.254.169.254'

const bridge = 'machines'
const bridgeMac = '02:00:a9:fe:a9:fe'

/** Where `ip netns add` keeps the handle of a namespace. */
export const namespaceFile = (name: string): string => `/run/netns/${name}`

/** What the processes in a namespace call it in `/proc/PID/ns/net`. */
export const namespaceName = (name: string): string => `net:[${statSync(namespaceFile(name)).ino}]`

export async function makeBridge(): Promise<void> {
  // What connects the machines has no IPv6 address of itself. The file is absent where the kernel has no IPv6.
  const setting = '/proc/sys/net/ipv6/conf/default/disable_ipv6'
  if (exists(setting)) writeFileSync(setting, '1')
  for (const which of ['all', 'default']) {
    writeFileSync(`/proc/sys/net/ipv4/conf/${which}/send_redirects`, '0')
  }
  await batch([
    'link set lo up',
    `link add ${bridge} address ${bridgeMac} type bridge`,
    `address add ${metadataAddress}/32 dev ${bridge}`,
    `link set ${bridge} up`,
  ])
}

/**
 * Takes the router's address, and joins the end of the veth pair that leads to this computer.
 *
 * @returns whether machines are kept from opening connections to it, which needs `tc` and two of its kernel modules
 */
export async function connectRouter({ cidr, router, uplink }: Wiring): Promise<boolean> {
  await batch([`address add ${router}/${lengthOf(cidr)} dev ${bridge}`])
  if (uplink === undefined) return true
  const isGuarded = await guardUplink().then(
    () => true,
    () => false,
  )
  await batch([
    `address add ${uplink.there} peer ${uplink.here}/32 dev uplink`,
    'link set uplink up',
    // An address that no machine has is refused at once.
    `route add unreachable ${uplink.cidr}`,
  ])
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1')
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

type Place = Pick<BootOrder, 'id' | 'address' | 'routedAddress'>

/** Makes a machine's namespace with its addresses, connected to the other machines. */
export async function makeNamespace(
  place: Place,
  { macAddress, hopLimit }: { macAddress: string; hopLimit: number },
  wiring: Wiring,
): Promise<void> {
  const { id, address, routedAddress } = place
  const { router } = wiring
  const port = portName(address)
  await batch([
    `netns add ${id}`,
    `link add ${port} type veth peer name eth0 address ${macAddress} netns ${id}`,
    `link set ${port} master ${bridge} up`,
    // By whatever name a machine speaks, what is meant for another one does not come to it.
    `link set ${port} type bridge_slave learning off`,
    `neigh replace ${address} lladdr ${macAddress} dev ${bridge} nud permanent`,
    hopRoute(address, hopLimit, router),
    ...(routedAddress === undefined
      ? []
      : [`route replace ${routedAddress}/32 via ${address} dev ${bridge}`]),
  ])
  await run('bridge', ['fdb', 'replace', macAddress, 'dev', port, 'master', 'static'])
  await batch(insideLines(place, wiring), id)
}

/** After a boot that may have changed what is inside. */
export async function resetNamespace(
  place: Place,
  macAddress: string,
  wiring: Wiring,
): Promise<void> {
  const clear = [
    // Of all tables; a route that prohibits is on no interface, and would stay.
    'route flush table all',
    ...['eth0', 'lo'].flatMap((name) => [`link set ${name} down`, `address flush dev ${name}`]),
    `link set eth0 address ${macAddress}`,
  ]
  await batch([...clear, ...insideLines(place, wiring)], place.id)
}

function insideLines(
  { address, routedAddress }: Place,
  { cidr, router, uplink }: Wiring,
): string[] {
  const known = [router, metadataAddress]
  return [
    `address add ${address}/${lengthOf(cidr)} dev eth0`,
    'link set eth0 up',
    'link set lo up',
    ...known.map((each) => `neigh replace ${each} lladdr ${bridgeMac} dev eth0 nud permanent`),
    metadataRoute,
    ...(routedAddress === undefined || uplink === undefined
      ? []
      : // Not on eth0: on EC2 a machine does not see its public address either.
        [
          `address add ${routedAddress}/32 dev lo`,
          `route add ${uplink.cidr} via ${router} dev eth0`,
        ]),
  ]
}

export async function removeNamespace({ id, address, routedAddress }: Place): Promise<void> {
  // Deleting the namespace alone frees the port's name only some time later.
  const lines = [
    `link delete ${portName(address)}`,
    `netns delete ${id}`,
    ...(routedAddress === undefined ? [] : [`route delete ${routedAddress}/32`]),
    `route delete ${address}/32`,
    `neigh delete ${address} dev ${bridge}`,
  ]
  await run('ip', ['-force', '-batch', '-'], lines.map((line) => `${line}\n`).join(''))
}

// Not to the one address: a machine's own `ip route add prohibit` shall find no route there that is the same.
const metadataRoute = 'route replace 169.254.0.0/16 dev eth0'

/** As cloud-init's `disable_ec2_metadata` does, for a machine that may not do it itself. */
export const closeMetadata = (id: string): Promise<void> =>
  batch([`route replace prohibit ${metadataAddress}/32`], id)

/** As it is after a boot. */
export const openMetadata = (id: string): Promise<void> =>
  batch([`route delete prohibit ${metadataAddress}/32`], id)

/** What the metadata service sends to that machine lives for that many hops. */
export const limitHops = (address: string, hopLimit: number, { router }: Wiring): Promise<void> =>
  batch([hopRoute(address, hopLimit, router)])

// What the fabric itself begins comes from the router: a machine may have closed its way to the metadata service.
const hopRoute = (address: string, hopLimit: number, router: string): string =>
  `route replace ${address}/32 dev ${bridge} src ${router} hoplimit ${hopLimit}`

/** Whether packets enter and leave. */
export const setLink = (address: string, state: 'up' | 'down'): Promise<void> =>
  batch([`link set ${portName(address)} ${state}`])

const portName = (address: string): string => `m${address.split('.').slice(2).join('-')}`

const lengthOf = (cidr: string): string => cidr.split('/')[1] ?? ''

async function batch(lines: readonly string[], namespace?: string): Promise<void> {
  const inside = namespace === undefined ? [] : ['-n', namespace]
  await run('ip', [...inside, '-batch', '-'], lines.map((line) => `${line}\n`).join(''))
}

function rule(protocol: string, priority: number, match: string, then: string): string {
  return `filter add dev uplink egress protocol ${protocol} prio ${priority} u32 ${match} ${then}`
}
