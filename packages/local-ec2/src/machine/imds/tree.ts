/** All that a machine's metadata service knows, as the tree of paths that EC2 makes of it. */
import type { Knowledge } from '../fabric/protocol.ts'

export interface Directory {
  readonly entries: ReadonlyMap<string, Leaf | Directory>
  /** What stands for an entry in the listing, where that is not its name. */
  readonly labels?: ReadonlyMap<string, string>
}

export type Leaf = string | Uint8Array

/** Dated versions differ in which categories are new; here each of them has all. */
export const versions: readonly string[] = `
1.0 2007-01-19 2007-03-01 2007-08-29 2007-10-10 2007-12-15 2008-02-01 2008-09-01 2009-04-04 2011-01-01 2011-05-01
2012-01-12 2014-02-25 2014-11-05 2015-10-20 2016-04-19 2016-06-30 2016-09-02 2018-03-28 2018-08-17 2018-09-24
2019-10-01 2020-10-27 2021-01-03 2021-03-23 2021-07-15 2022-09-24 2024-04-11 latest
`
  .trim()
  .split(/\s+/)

export const isDirectory = (node: Leaf | Directory): node is Directory =>
  typeof node === 'object' && !(node instanceof Uint8Array)

/** What is below a version. */
export function treeOf(knowledge: Knowledge): Directory {
  const { userData } = knowledge.facts
  const { entries } = directory({
    dynamic: directory({ 'instance-identity': directory({ document: identityOf(knowledge) }) }),
    'meta-data': metadataOf(knowledge),
    'user-data': userData === undefined || userData.length === 0 ? undefined : userData,
  })
  // Listed without the slash that other directories have.
  return { entries, labels: new Map([...entries.keys()].map((name) => [name, name])) }
}

function metadataOf(knowledge: Knowledge): Directory {
  const { facts, instanceId, privateIp, publicIp } = knowledge
  const { keyPairs, zone, region, macAddress, tags, rootDevice, securityGroups } = facts
  const name = privateNameOf(knowledge)
  return directory({
    'ami-id': facts.imageId,
    'ami-launch-index': String(facts.launchIndex),
    'ami-manifest-path': '(unknown)',
    'block-device-mapping':
      rootDevice === undefined ? undefined : directory({ ami: rootDevice, root: rootDevice }),
    events: directory({ maintenance: directory({ history: '[]', scheduled: '[]' }) }),
    hibernation: directory({ configured: 'false' }),
    hostname: name,
    'instance-action': 'none',
    'instance-id': instanceId,
    'instance-life-cycle': facts.lifeCycle ?? 'on-demand',
    'instance-type': facts.instanceType,
    'local-hostname': name,
    'local-ipv4': privateIp,
    mac: macAddress,
    network: directory({
      interfaces: directory({ macs: directory({ [macAddress]: interfaceOf(knowledge) }) }),
    }),
    placement: directory({
      'availability-zone': zone.name,
      'availability-zone-id': zone.id,
      region,
    }),
    profile: 'default-hvm',
    'public-hostname': publicIp === undefined ? undefined : publicNameOf(publicIp, region),
    'public-ipv4': publicIp,
    'public-keys': keyPairs.length === 0 ? undefined : publicKeysOf(keyPairs),
    'reservation-id': facts.reservationId,
    'security-groups': lines(securityGroups.map((group) => group.name)),
    services: directory({ domain: 'amazonaws.com', partition: 'aws' }),
    spot: interruptionOf(facts.interruption),
    tags:
      facts.metadata.instanceTags === 'enabled' && tags.size > 0
        ? directory({ instance: { entries: tags } })
        : undefined,
  })
}

function interfaceOf(knowledge: Knowledge): Directory {
  const { facts, privateIp, publicIp } = knowledge
  const { securityGroups, subnet, vpc, region } = facts
  return directory({
    'device-number': '0',
    'interface-id': facts.interfaceId,
    'ipv4-associations': publicIp === undefined ? undefined : directory({ [publicIp]: privateIp }),
    'local-hostname': privateNameOf(knowledge),
    'local-ipv4s': privateIp,
    mac: facts.macAddress,
    'network-card': '0',
    'owner-id': facts.accountId,
    'public-hostname': publicIp === undefined ? undefined : publicNameOf(publicIp, region),
    'public-ipv4s': publicIp,
    'security-group-ids': lines(securityGroups.map((group) => group.id)),
    'security-groups': lines(securityGroups.map((group) => group.name)),
    'subnet-id': subnet.id,
    'subnet-ipv4-cidr-block': subnet.cidr,
    'vpc-id': vpc.id,
    'vpc-ipv4-cidr-block': vpc.cidr,
    'vpc-ipv4-cidr-blocks': vpc.cidr,
  })
}

/** Listed with what they are about: `0=name`. */
function publicKeysOf(pairs: Knowledge['facts']['keyPairs']): Directory {
  const keys = pairs.map(({ publicKey }) => directory({ 'openssh-key': publicKey.trimEnd() }))
  return {
    entries: new Map(keys.map((key, index) => [String(index), key])),
    labels: new Map(pairs.map(({ name }, index) => [String(index), `${index}=${name}`])),
  }
}

/** There only while EC2 has announced that it will take the machine. */
function interruptionOf(interruption: Knowledge['facts']['interruption']): Directory | undefined {
  if (interruption === undefined) return undefined
  const { action } = interruption
  const time = secondsOf(interruption.time)
  return directory({
    'instance-action': JSON.stringify({ action, time }),
    'termination-time': action === 'terminate' ? time : undefined,
  })
}

/** Unsigned: the signatures beside it on EC2 are AWS's own, which nobody else can make. */
function identityOf({ facts, instanceId, privateIp }: Knowledge): string {
  const document = {
    accountId: facts.accountId,
    architecture: facts.architecture,
    availabilityZone: facts.zone.name,
    billingProducts: null,
    devpayProductCodes: null,
    imageId: facts.imageId,
    instanceId,
    instanceType: facts.instanceType,
    kernelId: null,
    marketplaceProductCodes: null,
    pendingTime: secondsOf(facts.launchTime),
    privateIp,
    ramdiskId: null,
    region: facts.region,
    version: '2017-09-30',
  }
  return JSON.stringify(document, null, 2).replaceAll('": ', '" : ')
}

function privateNameOf({ hostname, facts: { region } }: Knowledge): string {
  return `${hostname}.${region === 'us-east-1' ? 'ec2' : `${region}.compute`}.internal`
}

function publicNameOf(ip: string, region: string): string {
  const domain = region === 'us-east-1' ? 'compute-1' : `${region}.compute`
  return `ec2-${ip.replaceAll('.', '-')}.${domain}.amazonaws.com`
}

function directory(entries: Record<string, Leaf | Directory | undefined>): Directory {
  const there = Object.entries(entries).flatMap(([name, node]) =>
    node === undefined ? [] : [[name, node] as const],
  )
  return { entries: new Map(there) }
}

const lines = (all: readonly string[]): string => all.join('\n')

const secondsOf = (time: Date): string => time.toISOString().replace(/\.\d+Z$/, 'Z')
