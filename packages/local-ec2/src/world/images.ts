/**
 * The catalogue of images, under the names and owners that people search for on EC2.
 *
 * Whatever is chosen, most kinds of local machine run this computer's system; what the choice decides is the
 * root device and the user that logs in. The kinds that boot images run the one that was chosen.
 */
import { createHash } from 'node:crypto'

import type { Product } from './images/product.ts'
import { products } from './images/products.ts'
import type { Architecture } from './instance-types.ts'
import type { Resource, Stamp } from './resource.ts'

type Kept =
  | 'ownerId'
  | 'rootDevice'
  | 'rootSizeGib'
  | 'rootVolumeType'
  | 'rootPerformance'
  | 'ephemeralDevices'
  | 'defaultUser'
  | 'system'
  | 'imdsSupport'
  | 'freeTier'

export interface Image extends Resource, Pick<Product, Kept> {
  readonly name: string
  readonly description: string
  readonly architecture: Architecture
  readonly created: Date
  /** From when on only those who know its id find it; `undefined` for the newest: nothing here follows on it. */
  readonly deprecated: Date | undefined
  readonly rootSnapshotId: string
  /** The public parameters that held its id once; the newest build's are those that hold it now. */
  readonly parameters: readonly string[]
  readonly isNewest: boolean
}

export const images: ReadonlyMap<string, Image> = new Map(
  products.flatMap(publish).map((image, order) => [image.id, { ...image, order, visibleFrom: 0 }]),
)

function publish(product: Product): Omit<Image, keyof Stamp>[] {
  const { architectures, builds, lifeDays, name, description, parameters, ...kept } = product
  const both = ['x86_64', 'arm64'] as const
  return both.flatMap((architecture) =>
    builds.map((build) => {
      const label = architectures[architecture]
      const fullName = name(label, build)
      const created = creationTime(build)
      const isNewest = build === builds.at(-1)
      return {
        ...kept,
        // The same image has the same id wherever and whenever the endpoint runs.
        id: `ami-${digest(fullName)}`,
        rootSnapshotId: `snap-${digest(`${fullName} root`)}`,
        tags: new Map(),
        architecture,
        name: fullName,
        description: description(label, build),
        created,
        deprecated: isNewest ? undefined : new Date(created.getTime() + lifeDays * 86_400_000),
        parameters: parameters(label),
        isNewest,
      }
    }),
  )
}

function digest(text: string): string {
  return `0${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
}

/** Of the time of day nothing is known. */
function creationTime(build: string): Date {
  const [, year, month, day] = /(\d{4})(\d\d)(\d\d)/.exec(build) ?? []
  return new Date(`${year}-${month}-${day}T06:00:00.000Z`)
}
