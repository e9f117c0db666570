/**
 * The catalogue of images, under the names and owners that people search for on EC2.
 *
 * Whatever is chosen, a local machine runs this computer's system; what the choice decides is the
 * root device and the user that logs in.
 */
import { createHash } from 'node:crypto'

import type { Architecture } from './instance-types.ts'
import type { Resource, Stamp } from './resource.ts'

export interface Image extends Resource {
  readonly name: string
  readonly description: string
  readonly ownerId: string
  readonly ownerAlias?: string
  readonly architecture: Architecture
  readonly created: Date
  readonly rootDevice: string
  readonly rootSizeGib: number
  readonly rootVolumeType: 'gp2' | 'gp3'
  readonly rootSnapshotId: string
  /** Not part of EC2's answer: the account that the image lets log in. */
  readonly defaultUser: string
}

interface Publisher extends Pick<
  Image,
  'ownerId' | 'ownerAlias' | 'rootDevice' | 'rootSizeGib' | 'rootVolumeType' | 'defaultUser'
> {
  architectures: Partial<Record<Architecture, string>>
  /** Each begins with or contains the day, `YYYYMMDD`. */
  builds: string[]
  name: (architecture: string, build: string) => string
  description: (architecture: string, build: string) => string
}

const debian = {
  ownerId: '136693071363',
  rootDevice: '/dev/xvda',
  rootSizeGib: 8,
  rootVolumeType: 'gp3',
  defaultUser: 'admin',
  architectures: { x86_64: 'amd64', arm64: 'arm64' },
} as const

const publishers: Publisher[] = [
  {
    ...debian,
    builds: ['20250316-2053', '20250814-2204', '20251006-2257'],
    name: (architecture, build) => `debian-12-${architecture}-${build}`,
    description: (_, build) => `Debian 12 (${build})`,
  },
  {
    ...debian,
    builds: ['20250814-2204', '20251006-2257', '20251117-2299'],
    name: (architecture, build) => `debian-13-${architecture}-${build}`,
    description: (_, build) => `Debian 13 (${build})`,
  },
  {
    ownerId: '099720109477',
    rootDevice: '/dev/sda1',
    rootSizeGib: 8,
    rootVolumeType: 'gp3',
    defaultUser: 'ubuntu',
    architectures: { x86_64: 'amd64', arm64: 'arm64' },
    builds: ['20250610', '20250821', '20251022'],
    name: (architecture, build) =>
      `ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-${architecture}-server-${build}`,
    description: (architecture, build) =>
      `Canonical, Ubuntu, 24.04, ${architecture} noble image, build on ${build}`,
  },
  {
    ownerId: '137112412989',
    ownerAlias: 'amazon',
    rootDevice: '/dev/xvda',
    rootSizeGib: 8,
    rootVolumeType: 'gp3',
    defaultUser: 'ec2-user',
    architectures: { x86_64: 'x86_64', arm64: 'arm64' },
    builds: ['2023.8.20250818.0', '2023.9.20251014.0', '2023.9.20251110.1'],
    name: (architecture, build) => `al2023-ami-${build}-kernel-6.1-${architecture}`,
    description: (architecture, build) =>
      `Amazon Linux 2023 AMI ${build} ${architecture} HVM kernel-6.1`,
  },
]

export const images: ReadonlyMap<string, Image> = new Map(
  publishers
    .flatMap(publish)
    .map((image, order) => [image.id, { ...image, order, visibleFrom: 0 }]),
)

function publish(publisher: Publisher): Omit<Image, keyof Stamp>[] {
  const { architectures, builds, name, description, ...common } = publisher
  const both = ['x86_64', 'arm64'] as const
  return both.flatMap((architecture) =>
    builds.map((build) => {
      const label = architectures[architecture] ?? architecture
      const fullName = name(label, build)
      return {
        ...common,
        // The same image has the same id wherever and whenever the endpoint runs.
        id: `ami-${digest(fullName)}`,
        rootSnapshotId: `snap-${digest(`${fullName} root`)}`,
        tags: new Map(),
        architecture,
        name: fullName,
        description: description(label, build),
        created: creationDay(build),
      }
    }),
  )
}

function digest(text: string): string {
  return `0${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
}

function creationDay(build: string): Date {
  const [, year, month, day] = /(\d{4})(\d\d)(\d\d)/.exec(build) ?? []
  return new Date(`${year}-${month}-${day}T06:00:00.000Z`)
}
