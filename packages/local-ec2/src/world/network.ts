/** The default VPC with one default subnet a zone: where everything lives that names no other place. */
import { type Cidr, parseCidr, quarter } from './cidr.ts'
import { newId, type Resource, type Stamp } from './resource.ts'

export interface Zone {
  readonly name: string
  readonly id: string
}

export interface Vpc extends Resource {
  readonly cidr: Cidr
}

export interface Subnet extends Resource {
  readonly vpc: Vpc
  readonly zone: Zone
  readonly cidr: Cidr
}

export const region = 'us-east-1'

export const zones: readonly Zone[] = [
  { name: 'us-east-1a', id: 'use1-az1' },
  { name: 'us-east-1b', id: 'use1-az2' },
  { name: 'us-east-1c', id: 'use1-az4' },
]

/** @param text the range that machines take their addresses from */
export function createVpc(text: string, stamp: Stamp): Vpc {
  const cidr = parseCidr(text)
  if (cidr === undefined) throw new TypeError(`not an IPv4 range: ${text}`)
  return { ...stamp, id: newId('vpc'), tags: new Map(), cidr }
}

export function createSubnets(vpc: Vpc, stamp: () => Stamp): Subnet[] {
  const ranges = quarter(vpc.cidr)
  return zones.map((zone, index) => ({
    ...stamp(),
    id: newId('subnet'),
    tags: new Map(),
    vpc,
    zone,
    cidr: ranges[index] ?? vpc.cidr,
  }))
}
