/** CreateTags, DeleteTags, DescribeTags. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { ApiError } from '../query/api-error.ts'
import { checkMetadataTags } from '../world/metadata-tags.ts'
import { isVisible, type Resource, type Tags } from '../world/resource.ts'
import { inOrder, tagged, type Wanted } from '../world/table.ts'
import {
  requireTaggable,
  retag,
  tableOf,
  type Taggable,
  taggableTypes,
  typeOfId,
} from '../world/taggable.ts'
import { reservedPrefix, shownTags } from '../world/tags.ts'
import type { World } from '../world/world.ts'
import type { Demand, Ec2Actions } from './action.ts'
import { existing, requested } from './common/demands.ts'
import { only } from './common/describe.ts'
import { type Fields, matcher, wantedBy } from './common/filters.ts'
import { pageFrom } from './common/paging.ts'
import { invalidValue, missingParameter } from './common/refusals.ts'
import { checkCount, checkKey, readTags } from './common/tags.ts'
import { ofInstance } from './instance/demands.ts'

const maxResources = 1000
const maxTags = 1000

export const tagActions: Ec2Actions = {
  CreateTags: {
    accepts: { Resources: true, Tags: true, DryRun: true },
    plan({ Resources: ids = [], Tags: list = [] }, world) {
      const resources = readResources(ids, world)
      if (list.length === 0) throw invalidValue('You must specify one or more tags to create')
      const tags = readTags(list)
      return {
        demands: resources.map((taggable) => demandOn(taggable, tags, world)),
        check() {
          for (const { resource } of resources) {
            checkCount(new Map([...resource.tags, ...tags]))
            const shows = world.instances.get(resource.id)?.metadata.instanceTags === 'enabled'
            if (shows) checkMetadataTags(tags)
          }
        },
        commit() {
          for (const taggable of resources) {
            retag(world, taggable, (own) => {
              for (const [key, value] of tags) own.set(key, value)
            })
          }
          return {}
        },
      }
    },
  },

  DeleteTags: {
    accepts: { Resources: true, Tags: true, DryRun: true },
    plan({ Resources: ids = [], Tags: list }, world) {
      const resources = readResources(ids, world)
      if (list !== undefined && list.length > maxTags) {
        throw invalidValue(`At most ${maxTags} tags can be deleted by one call`)
      }
      for (const { Key: key = '' } of list ?? []) checkKey(key)
      const named: Tags = new Map(list?.map(({ Key = '', Value = '' }) => [Key, Value]))
      return {
        demands: resources.map((taggable) => demandOn(taggable, named, world)),
        commit() {
          for (const taggable of resources) {
            retag(world, taggable, (own) => remove(own, list ?? everyKey(own)))
          }
          return {}
        },
      }
    },
  },

  DescribeTags: {
    accepts: { Filters: true, MaxResults: true, NextToken: true, DryRun: true },
    plan(input, world) {
      const { Filters } = input
      if (Filters?.some(({ Name }) => Name === 'tag-key')) {
        throw invalidValue("The filter 'tag-key' is invalid")
      }
      const matches = matcher(fields, Filters)
      const { items, NextToken } = pageFrom(
        (place) => only(taggingsAfter(place, world, Filters), matches),
        ({ resource, key }) => `${resource.order.toString(36)} ${key}`,
        input,
        { query: JSON.stringify(['tags', Filters]) },
      )
      return () => ({ Tags: items.map(show), NextToken })
    },
  },
}

function readResources(ids: readonly string[], world: World): Taggable[] {
  if (ids.length === 0) {
    throw missingParameter('resourceIdSet')
  }
  if (ids.length > maxResources) {
    throw new ApiError(
      'ResourceCountExceeded',
      `At most ${maxResources} resources can be tagged by one call`,
    )
  }
  return requireTaggable(world, ids)
}

/** With all that else is asked of a resource of its kind. */
function demandOn({ type, resource }: Taggable, tags: Tags, world: World): Demand {
  const instance = world.instances.get(resource.id)
  if (instance !== undefined) return ofInstance(instance, requested(tags))
  // Its ARN ends in its name.
  const id = world.keyPairs.get(resource.id)?.name ?? resource.id
  return existing(type, { id, tags: resource.tags }, requested(tags))
}

/** One without a value goes whatever its value is. */
function remove(tags: Tags, list: readonly ec2.Tag[]): void {
  for (const { Key: key = '', Value: value } of list) {
    if (value === undefined || tags.get(key) === value) tags.delete(key)
  }
}

function everyKey(tags: Tags): ec2.Tag[] {
  return [...tags.keys()].filter((key) => reservedPrefix(key) === undefined).map((Key) => ({ Key }))
}

/** One tag of one resource. */
interface Tagging extends Taggable {
  readonly key: string
  readonly value: string
  /** Itself alone: a filter `tag:…` means a tag, not all that its resource has. */
  readonly tags: Tags
}

const fields: Fields<Tagging> = {
  key: ({ key }) => key,
  'resource-id': ({ resource }) => resource.id,
  'resource-type': ({ type }) => type,
  value: ({ value }) => value,
}

/** A place is the order of a resource and a key that it had: its tags come by their keys. */
function* taggingsAfter(
  place: string,
  world: World,
  filters: readonly ec2.Filter[] | undefined,
): Iterable<Tagging> {
  const [order = '', ...rest] = place.split(' ')
  const from = order === '' ? -1 : Number.parseInt(order, 36)
  const last = rest.join(' ')
  for (const resource of taggedFrom(from, world, filters)) {
    const type = typeOfId(resource.id)
    if (type === undefined || !isVisible(resource)) continue
    const tags = [...shownTags(resource.tags)].toSorted(([a], [b]) => (a < b ? -1 : 1))
    for (const [key, value] of tags) {
      if (resource.order === from && key <= last) continue
      yield { type, resource, key, value, tags: new Map([[key, value]]) }
    }
  }
}

/** The fewest that are known to be enough, in order of creation. */
function taggedFrom(
  order: number,
  world: World,
  filters: readonly ec2.Filter[] | undefined,
): Iterable<Resource> {
  const wanted = wantedBy(filters)
  const values = (name: string): readonly string[] | undefined =>
    wanted.find(([asked]) => asked === name)?.[1]
  const ids = values('resource-id')
  if (ids !== undefined) return withIds(ids, world).filter((one) => one.order >= order)

  const tagsWanted = wanted.flatMap(([name, alternatives]): Wanted[] => {
    if (name === 'key') return [['tag-key', alternatives]]
    return name.startsWith('tag:') ? [[name, alternatives]] : []
  })
  const types = values('resource-type') ?? taggableTypes
  return inOrder(
    taggableTypes
      .filter((type) => types.includes(type))
      .map((type) => tableOf(world, type).after(order - 1, [[tagged, ['']], ...tagsWanted])),
  )
}

function withIds(ids: readonly string[], world: World): Resource[] {
  const found = [...new Set(ids)].flatMap((id) => {
    const type = typeOfId(id)
    return (type && tableOf(world, type).get(id)) ?? []
  })
  return found.toSorted((a, b) => a.order - b.order)
}

function show({ type, resource, key, value }: Tagging): ec2.TagDescription {
  return { ResourceType: type, ResourceId: resource.id, Key: key, Value: value }
}
