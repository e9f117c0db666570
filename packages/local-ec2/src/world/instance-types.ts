/** A first selection of real types. Sizes and speeds as AWS publishes them. */
import type { _InstanceType as TypeName } from '@aws-sdk/client-ec2'

export type Architecture = 'x86_64' | 'arm64'

export interface InstanceType {
  readonly name: TypeName
  readonly order: number
  readonly architecture: Architecture
  readonly manufacturer: 'Intel' | 'AMD' | 'AWS'
  readonly vcpus: number
  readonly cores: number
  readonly memoryMib: number
  readonly networkPerformance: string
  readonly burstable: boolean
  readonly maxInterfaces: number
  readonly addressesPerInterface: number
}

type Row = [name: TypeName, vcpus: number, memoryGib: number, interfaces: number, addresses: number]

interface Family {
  manufacturer: InstanceType['manufacturer']
  threadsPerCore: 1 | 2
  network: string
  rows: Row[]
}

const intel = { manufacturer: 'Intel', threadsPerCore: 2 } as const
const amd = { manufacturer: 'AMD', threadsPerCore: 1 } as const
const graviton = { manufacturer: 'AWS', threadsPerCore: 1 } as const
const fast = 'Up to 12.5 Gigabit'
const burst = 'Up to 5 Gigabit'

const families: Family[] = [
  {
    ...intel,
    network: fast,
    rows: [
      ['c6i.large', 2, 4, 3, 10],
      ['c7i.large', 2, 4, 3, 10],
      ['c7i.xlarge', 4, 8, 4, 15],
      ['c7i.2xlarge', 8, 16, 4, 15],
      ['m6i.large', 2, 8, 3, 10],
      ['m7i.large', 2, 8, 3, 10],
      ['m7i.xlarge', 4, 16, 4, 15],
      ['m7i.2xlarge', 8, 32, 4, 15],
      ['r7i.large', 2, 16, 3, 10],
      ['r7i.xlarge', 4, 32, 4, 15],
    ],
  },
  {
    ...amd,
    network: fast,
    rows: [
      ['c7a.large', 2, 4, 3, 10],
      ['m7a.large', 2, 8, 3, 10],
    ],
  },
  {
    ...intel,
    network: burst,
    rows: [
      ['t3.micro', 2, 1, 2, 2],
      ['t3.small', 2, 2, 3, 4],
      ['t3.medium', 2, 4, 3, 6],
      ['t3.large', 2, 8, 3, 12],
    ],
  },
  {
    ...graviton,
    network: fast,
    rows: [
      ['c7g.medium', 1, 2, 2, 4],
      ['c7g.large', 2, 4, 3, 10],
      ['c7g.xlarge', 4, 8, 4, 15],
      ['c8g.medium', 1, 2, 2, 4],
      ['c8g.large', 2, 4, 3, 10],
      ['c8g.xlarge', 4, 8, 4, 15],
      ['m7g.medium', 1, 4, 2, 4],
      ['m7g.large', 2, 8, 3, 10],
      ['m7g.xlarge', 4, 16, 4, 15],
      ['m8g.large', 2, 8, 3, 10],
      ['m8g.xlarge', 4, 16, 4, 15],
      ['r7g.large', 2, 16, 3, 10],
      ['r8g.large', 2, 16, 3, 10],
    ],
  },
  {
    ...graviton,
    network: burst,
    rows: [
      ['t4g.micro', 2, 1, 2, 2],
      ['t4g.small', 2, 2, 3, 4],
      ['t4g.medium', 2, 4, 3, 6],
    ],
  },
]

export const instanceTypes: ReadonlyMap<string, InstanceType> = new Map(
  families
    .flatMap((family) => family.rows.map((row) => describe(family, row)))
    .map((type, order) => [type.name, { ...type, order }]),
)

function describe(
  { manufacturer, threadsPerCore, network }: Family,
  [name, vcpus, memoryGib, maxInterfaces, addressesPerInterface]: Row,
): Omit<InstanceType, 'order'> {
  return {
    name,
    architecture: manufacturer === 'AWS' ? 'arm64' : 'x86_64',
    manufacturer,
    vcpus,
    cores: vcpus / threadsPerCore,
    memoryMib: memoryGib * 1024,
    networkPerformance: network,
    burstable: name.startsWith('t'),
    maxInterfaces,
    addressesPerInterface,
  }
}
