/** Everything that can be tagged, found by its id alone. */
import { ApiError } from '../query/api-error.ts'
import { images } from './images.ts'
import type { Instance } from './instance.ts'
import { relearn } from './lifecycle.ts'
import { requireAll, type Resource, type ResourceKind } from './resource.ts'
import type { Table } from './table.ts'
import type { Tables } from './tables.ts'
import { changeTags } from './tags.ts'
import type { World } from './world.ts'

/** As it is called in ARNs, in TagSpecifications, and by DescribeTags. */
export type TaggableType = Exclude<ResourceKind, 'image'>

export type TaggableTable = ReadonlyMap<string, Resource> &
  Pick<Table<Resource>, 'after' | 'changed'>

export interface Taggable {
  readonly type: TaggableType
  readonly resource: Resource
}

const typeOfPrefix: ReadonlyMap<string, TaggableType> = new Map([
  ['eni', 'network-interface'],
  ['i', 'instance'],
  ['key', 'key-pair'],
  ['sg', 'security-group'],
  ['sgr', 'security-group-rule'],
  ['subnet', 'subnet'],
  ['vol', 'volume'],
  ['vpc', 'vpc'],
])

export const taggableTypes: readonly TaggableType[] = [...typeOfPrefix.values()]

export function tableOf(world: Tables, type: TaggableType): TaggableTable {
  const tables: Record<TaggableType, TaggableTable> = {
    instance: world.instances,
    'key-pair': world.keyPairs,
    'network-interface': world.networkInterfaces,
    'security-group': world.securityGroups,
    'security-group-rule': world.securityGroupRules,
    subnet: world.subnets,
    volume: world.volumes,
    vpc: world.vpcs,
  }
  return tables[type]
}

/** `undefined` for what nothing that can be tagged has as its id. */
export function typeOfId(id: string): TaggableType | undefined {
  const [, prefix = ''] = /^([a-z]+)-(?:[0-9a-f]{8}|[0-9a-f]{17})$/.exec(id) ?? []
  return typeOfPrefix.get(prefix)
}

/**
 * Each once, in no particular order.
 *
 * @throws {ApiError} `InvalidID`, or the `…NotFound` of its kind
 */
export function requireTaggable(world: World, ids: readonly string[]): Taggable[] {
  const byType = Map.groupBy(ids, (id) => {
    const type = typeOfId(id)
    if (type !== undefined) return type
    if (id.startsWith('ami-')) requireAll('image', images, [id])
    if (images.has(id)) {
      throw new ApiError(
        'UnsupportedOperation',
        'Tagging an image is not implemented by this local endpoint.',
      )
    }
    throw new ApiError('InvalidID', `The ID '${id}' is not valid`)
  })
  return [...byType].flatMap(([type, members]) =>
    requireAll(type, tableOf(world, type), members).map((resource) => ({ type, resource })),
  )
}

/** Changes tags, and tells everybody who knows them. */
export function retag(
  world: World,
  { type, resource }: Taggable,
  change: Parameters<typeof changeTags>[1],
): void {
  changeTags(resource.tags, change)
  tableOf(world, type).changed(resource)
  const instance: Instance | undefined = world.instances.get(resource.id)
  if (instance !== undefined) relearn(world, instance)
}
