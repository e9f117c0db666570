/** Reading a row of the table of instance types; `family.ts` says how one is written. */
import type { _InstanceType as TypeName } from '@aws-sdk/client-ec2'

import { type Family, readTrait, type Trait, virtualTraits } from './family.ts'

export interface InstanceType {
  readonly name: TypeName
  readonly order: number
  /** What it runs; some run 32-bit systems too, see the trait `i386`. */
  readonly architecture: Family['cpu']['architecture']
  readonly manufacturer: Family['cpu']['manufacturer']
  readonly ghz: number
  readonly cores: number
  readonly threadsPerCore: number
  readonly vcpus: number
  /** How many cores a launch may ask for; `undefined` where there is no choice. */
  readonly validCores: readonly number[] | undefined
  readonly memoryMib: number
  readonly bareMetal: boolean
  readonly hypervisor: 'nitro' | 'xen' | undefined
  readonly ena: 'required' | 'supported' | 'unsupported'
  readonly ebs: EbsPerformance | undefined
  readonly maxVolumes: number
  readonly maxInterfaces: number
  /** Of IPv4, and as many of IPv6. */
  readonly addressesPerInterface: number
  readonly networkPerformance: string
  readonly networkCards: readonly NetworkCard[]
  readonly disks: Disks | undefined
  readonly traits: ReadonlySet<Trait>
}

interface EbsPerformance {
  readonly mbps: Span
  /** In MB/s. */
  readonly throughput: Span
  readonly iops: Span
}

interface Span {
  readonly baseline: number
  readonly maximum: number
}

interface NetworkCard {
  readonly maxInterfaces: number
  readonly performance: string
  readonly gbps: Span
  /** Of one interface. */
  readonly queues: number
  readonly maxQueues: number | undefined
  readonly maxQueuesPerInterface: number | undefined
}

interface Disks {
  readonly type: 'ssd' | 'hdd'
  readonly count: number
  readonly sizeGb: number
}

/** @throws {TypeError} for a trait that `family.ts` does not know */
export function readRow(family: Family, row: string, order: number): InstanceType {
  const columns = row.trim().split(/ +/)
  const [size = '', cores = '', memory = '', mbps = '', iops = '', volumes = ''] = columns
  const [interfaces = '', gbps = '', queues = '', ...details] = columns.slice(6)
  const bareMetal = size.startsWith('metal')
  const xen = bareMetal ? undefined : family.xen
  const exceptions = readExceptions(details)
  const [maxInterfaces, addressesPerInterface] = readProduct(interfaces)
  const network = readNetwork(gbps, queues, maxInterfaces, exceptions)
  return {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the SDK enumerates what we put together
    name: `${family.name}.${size}` as TypeName,
    order,
    ...family.cpu,
    ghz: Number(exceptions.get('ghz') ?? family.ghz),
    cores: Number(cores),
    threadsPerCore: family.threadsPerCore,
    vcpus: Number(cores) * family.threadsPerCore,
    validCores: bareMetal ? undefined : readCores(exceptions.get('cores'), family, Number(cores)),
    memoryMib: Number(memory) * 1024,
    bareMetal,
    hypervisor: bareMetal ? undefined : xen === undefined ? 'nitro' : 'xen',
    ena: xen ?? 'required',
    ebs: mbps === '-' ? undefined : readEbs(mbps, iops, exceptions.get('throughput')),
    maxVolumes: Number(volumes),
    maxInterfaces,
    addressesPerInterface,
    ...network,
    disks: readDisks('ssd', exceptions) ?? readDisks('hdd', exceptions),
    traits: readTraits(family, bareMetal, details),
  }
}

function readExceptions(details: readonly string[]): ReadonlyMap<string, string> {
  const exceptions = new Map<string, string>()
  for (const detail of details) {
    const [name = '', value] = detail.split('=')
    if (value !== undefined) exceptions.set(name, value)
  }
  return exceptions
}

function readCores(text: string | undefined, family: Family, all: number): number[] | undefined {
  if (text === 'fixed') return undefined
  if (text === undefined) {
    return all === 1 && family.threadsPerCore === 1 ? undefined : steps(1, all, 1)
  }
  const [, from, to, step] = /^(\d+)-(\d+)\/(\d+)$/.exec(text) ?? []
  return step === undefined
    ? text.split(',').map(Number)
    : steps(Number(from), Number(to), Number(step))
}

function steps(from: number, to: number, step: number): number[] {
  return Array.from({ length: (to - from) / step + 1 }, (_, index) => from + index * step)
}

function readEbs(mbps: string, iops: string, throughput: string | undefined): EbsPerformance {
  const bandwidth = readSpan(mbps)
  const { baseline, maximum } = bandwidth
  return {
    mbps: bandwidth,
    throughput: { baseline: Number(throughput ?? baseline / 8), maximum: maximum / 8 },
    iops: readSpan(iops),
  }
}

function readNetwork(
  text: string,
  queueText: string,
  maxInterfaces: number,
  exceptions: ReadonlyMap<string, string>,
): Pick<InstanceType, 'networkPerformance' | 'networkCards'> {
  const gbps = readSpan(text)
  const upTo = gbps.baseline < gbps.maximum ? 'Up to ' : ''
  const networkPerformance =
    exceptions.get('network')?.replaceAll('_', ' ') ?? `${upTo}${gbps.maximum} Gigabit`
  const [queues = '', maxQueues, maxQueuesPerInterface] = queueText.split('/')
  const card = {
    performance: exceptions.get('card')?.replaceAll('_', ' ') ?? networkPerformance,
    gbps,
    queues: Number(queues),
    maxQueues: maxQueues === undefined || maxQueues === '-' ? undefined : Number(maxQueues),
    maxQueuesPerInterface:
      maxQueuesPerInterface === undefined ? undefined : Number(maxQueuesPerInterface),
  }
  const cards = exceptions.get('cards')?.split('+').map(Number) ?? [maxInterfaces]
  return {
    networkPerformance,
    networkCards: cards.map((interfaces) => ({ ...card, maxInterfaces: interfaces })),
  }
}

function readDisks(
  type: Disks['type'],
  exceptions: ReadonlyMap<string, string>,
): Disks | undefined {
  const text = exceptions.get(type)
  if (text === undefined) return undefined
  const [count, sizeGb] = readProduct(text)
  return { type, count, sizeGb }
}

function readTraits(family: Family, bareMetal: boolean, details: readonly string[]): Set<Trait> {
  const traits = new Set(family.has.split(' ').map(readTrait))
  if (bareMetal) for (const trait of virtualTraits) traits.delete(trait)
  for (const detail of details) {
    if (detail.startsWith('+')) traits.add(readTrait(detail.slice(1)))
    if (detail.startsWith('-')) traits.delete(readTrait(detail.slice(1)))
  }
  return traits
}

function readSpan(text: string): Span {
  const [baseline = '', maximum = baseline] = text.split('/')
  return { baseline: Number(baseline), maximum: Number(maximum) }
}

function readProduct(text: string): [number, number] {
  const [left, right] = text.split('x')
  return [Number(left), Number(right)]
}
