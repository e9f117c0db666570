/**
 * How the table of instance types is written.
 *
 * A row is one size, with what DescribeInstanceTypes says of it in us-east-1, from the copy of AWS's answers that
 * moto 5.2.1 has. Its columns:
 * size, cores, memory in GiB, EBS bandwidth in Mbps, EBS IOPS, attachable volumes, network interfaces ×
 * addresses of each, network bandwidth in Gbps, and ENA queues of an interface. `a/b` is baseline and maximum
 * where they differ; queues may be `default/in all/most of one`; `-` is for what it does not have.
 *
 * Then come `ssd=` or `hdd=` with disks × GB, `+trait` and `-trait` for where the size is unlike `Family.has`, and:
 *
 * - `cores=` what may be asked for, where it is not any number up to all: `2,4`, `4-48/2` (in steps of 2), `fixed`
 * - `ghz=` where it is not the family's
 * - `throughput=` the EBS baseline in MB/s, where it is not an eighth of the bandwidth
 * - `network=`, `card=` what is said of its network and of a card, where that does not follow from the bandwidth
 * - `cards=` interfaces of each network card, where there are several; bandwidth and queues are one card's
 */
export interface Family {
  readonly name: string
  readonly cpu: Cpu
  readonly ghz: number
  readonly threadsPerCore: 1 | 2
  /** Of the generations before Nitro, save for its bare metal: what it makes of ENA. */
  readonly xen?: 'supported' | 'unsupported'
  /** What most sizes have, of `Trait`; bare metal never has any of `virtualTraits` unless its row says so. */
  readonly has: string
  readonly rows: string
}

interface Cpu {
  readonly manufacturer: 'Intel' | 'AMD' | 'AWS'
  readonly architecture: 'x86_64' | 'arm64'
}

export const intel: Cpu = { manufacturer: 'Intel', architecture: 'x86_64' }
export const amd: Cpu = { manufacturer: 'AMD', architecture: 'x86_64' }
export const graviton: Cpu = { manufacturer: 'AWS', architecture: 'arm64' }

/** What needs a hypervisor, or is not to be had beside so many volumes and queues. */
export const virtualTraits = [
  'tpm',
  'enclaves',
  'hibernation',
  'nested',
  'sev-snp',
  'attachments',
  'flexible-queues',
] as const

const otherTraits = [
  'current',
  'spot',
  'burst',
  'free',
  /** Dedicated Hosts. */
  'hosts',
  /** By CloudWatch. */
  'recovery',
  /** Migration at a reboot. */
  'reboot',
  /** Encryption in transit. */
  'transit',
  /** Also runs 32-bit systems. */
  'i386',
  /** Cluster placement groups. */
  'cluster',
  /** A hardware clock. */
  'phc',
  /** Says how many addresses a secondary interface has: none. */
  'secondary',
  /** Idle TCP connections are forgotten after 350 s, not five days. */
  'idle-350',
  /** Bandwidth can be shifted between network and EBS. */
  'weightings',
  /** ENA Express. */
  'express',
  'efa',
] as const

/**
 * - `attachments`: volumes have places of their own, which interfaces do not take
 * - `flexible-queues`: ENA queues can be shared out
 * - `nested`: runs hypervisors
 */
export type Trait = (typeof virtualTraits)[number] | (typeof otherTraits)[number]

const traits: readonly Trait[] = [...virtualTraits, ...otherTraits]

export function readTrait(word: string): Trait {
  const trait = traits.find((known) => known === word)
  if (trait === undefined) throw new TypeError(`no trait of an instance type: ${word}`)
  return trait
}
