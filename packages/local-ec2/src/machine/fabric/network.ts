/**
 * The machines' own network: a bridge in the fabric's namespace, one namespace and one veth pair a machine. The
 * fabric is their router: it leads public addresses to them and is, itself, where their metadata service is.
 *
 * Nothing here waits for ARP, whose first requests a busy computer may lose: who lives where is written down.
 */
import { writeFileSync } from 'node:fs'

import { exists } from './files.ts'
import { canGuard, guardPort, guardUplink, nowhereLines } from './filters.ts'
import { addNamespaces, removeUserNamespace } from './namespaces.ts'
import type { BootOrder, Wiring } from './protocol.ts'
import { run } from './run.ts'

/** The address of the metadata service, the same on every machine on EC2. */
export const metadataAddress = '169.254.169.254'

const bridge = 'machines'
const bridgeMac = '02:00:a9:fe:a9:fe'

export async function makeBridge(): Promise<void> {
  // What connects the machines has no IPv6 address of itself. The file is absent where the kernel has no IPv6.
  const setting = '/proc/sys/net/ipv6/conf/default/disable_ipv6'
  if (exists(setting)) writeFileSync(setting, '1')
  for (const which of ['all', 'default']) {
    for (const name of ['send_redirects', 'accept_redirects']) {
      writeFileSync(`/proc/sys/net/ipv4/conf/${which}/${name}`, '0')
    }
  }
  await batch([
    'link set lo up',
    `link add ${bridge} address ${bridgeMac} type bridge`,
    `address add ${metadataAddress}/32 dev ${bridge}`,
    `link set ${bridge} up`,
    ...nowhereLines,
  ])
}

/**
 * Takes the router's address, and joins the end of the veth pair that leads to this computer.
 *
 * @returns whether machines are kept from opening connections to it, and from speaking in each other's name, which
 * needs `tc` and two of its kernel modules
 */
export async function connectRouter({ cidr, router, uplink }: Wiring): Promise<boolean> {
  await batch([`address add ${router}/${lengthOf(cidr)} dev ${bridge}`])
  isFiltered = await canGuard()
  if (uplink === undefined) return isFiltered
  if (isFiltered) await guardUplink()
  await batch([
    `address add ${uplink.there} peer ${uplink.here}/32 dev uplink`,
    'link set uplink up',
    // An address that no machine has is refused at once.
    `route add unreachable ${uplink.cidr}`,
  ])
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1')
  return isFiltered
}

type Place = Pick<BootOrder, 'id' | 'address' | 'routedAddress'>

interface Interface {
  macAddress: string
  hopLimit: number
  /** Whether the machine's root may change what is inside. */
  isItsOwn: boolean
}

/** Whether this kernel can keep machines to what they may send. */
let isFiltered = false

/** Makes a machine's namespace with its addresses, connected to the other machines. */
export async function makeNamespace(
  place: Place,
  { macAddress, hopLimit, isItsOwn }: Interface,
  wiring: Wiring,
): Promise<void> {
  const { id, address, routedAddress } = place
  const { router } = wiring
  const port = portName(address)
  const publicAddress = routedAddress === undefined ? [] : [routedAddress]
  await addNamespaces(id, { ownUser: isItsOwn })
  await batch([
    `link add ${port} type veth peer name eth0 address ${macAddress} netns ${id}`,
    ...joinLines(port, bridge),
    `link set ${port} up`,
    `neigh replace ${address} lladdr ${macAddress} dev ${bridge} nud permanent`,
    hopRoute(address, hopLimit, router),
    ...publicAddress.map((each) => `route replace ${each}/32 via ${address} dev ${bridge}`),
  ])
  await Promise.all([
    tellBridge(macAddress, port),
    isItsOwn && isFiltered && guardPort(port, macAddress, [address, ...publicAddress]),
    batch(insideLines(place, wiring), id),
  ])
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
  // A machine of an image may have deleted what there is to delete.
  await run('ip', ['-force', '-batch', '-'], lines.map((line) => `${line}\n`).join('')).catch(
    () => {},
  )
  await removeUserNamespace(id)
}

/** Names of the devices that stand between a machine and the others while its link has conditions. */
export const linkDevices = (address: string): [outer: string, inner: string] => [
  `o${portName(address).slice(1)}`,
  `i${portName(address).slice(1)}`,
]

/**
 * Leads a machine's packets through two devices, which are there: its port moves to a bridge that it shares with the
 * inner one, and the outer one takes its place. A packet that comes at this moment may be lost.
 */
export async function insertLink(address: string, macAddress: string): Promise<void> {
  const [outer, inner] = linkDevices(address)
  const own = linkBridge(address)
  await batch([
    `link add ${own} type bridge`,
    ...joinLines(inner, own),
    ...joinLines(outer, bridge),
    // The program that reads them does not always run at once on a busy computer; the kernel itself would keep 500.
    ...[inner, outer].map((device) => `link set ${device} txqueuelen 4096`),
    ...[own, inner, outer].map((device) => `link set ${device} up`),
    ...joinLines(portName(address), own),
  ])
  await tellBridge(macAddress, outer)
}

/** The opposite; also of what was only half done, or whose devices are gone. */
export async function removeLink(address: string, macAddress: string): Promise<void> {
  try {
    // Fails where a machine of an image has deleted its interface, and this with it.
    await batch(joinLines(portName(address), bridge))
    await tellBridge(macAddress, portName(address))
  } finally {
    await batch([`link delete ${linkBridge(address)}`]).catch(() => {})
  }
}

/** For a port that is new. */
export const rejoinLink = (address: string, macAddress: string): Promise<unknown> =>
  batch(joinLines(portName(address), linkBridge(address))).then(() =>
    tellBridge(macAddress, linkDevices(address)[0]),
  )

const linkBridge = (address: string): string => `l${portName(address).slice(1)}`

// By whatever name a machine speaks, what is meant for another one does not come to it.
const joinLines = (device: string, to: string): string[] => [
  `link set ${device} master ${to}`,
  `link set ${device} type bridge_slave learning off`,
]

const tellBridge = (macAddress: string, port: string): Promise<string> =>
  run('bridge', ['fdb', 'replace', macAddress, 'dev', port, 'master', 'static'])

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
