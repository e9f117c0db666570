/**
 * The tags that say what is ours. They are set in the call that creates a resource and never changed, so nothing
 * of ours ever exists without them and no permission to tag existing resources is needed.
 */
import type { Filter, Tag, TagSpecification, ResourceType } from '@aws-sdk/client-ec2'

import { timeOfRunId } from '../lease/run-id.ts'

/** Bump when the meaning of a tag changes; a sweep touches only what it understands. */
const version = '1'

export interface Scope {
  /** Who pays: `user/NAME`, `role/ROLE`, with SSO `role/AWSReservedSSO_…/SESSION`, or `root`. */
  readonly owner: string
  readonly project: string
}

export interface RunTags extends Scope {
  /** ULID of the run. */
  readonly run: string
  /** Epoch milliseconds, by AWS's clock. */
  readonly expires: number
}

/** For the same set of tags on each kind of resource that a call creates. */
export function tagSpecifications(tags: RunTags, kinds: ResourceType[]): TagSpecification[] {
  return kinds.map((kind) => ({ ResourceType: kind, Tags: toTags(tags) }))
}

function toTags(tags: RunTags): Tag[] {
  return [
    { Key: 'Name', Value: `benchaway ${tags.project}` },
    { Key: 'benchaway:v', Value: version },
    { Key: 'benchaway:owner', Value: tags.owner },
    { Key: 'benchaway:project', Value: tags.project },
    { Key: 'benchaway:run', Value: tags.run },
    { Key: 'benchaway:expires', Value: String(Math.ceil(tags.expires / 1000)) },
  ]
}

/** Filters narrow what AWS sends; they take `*` and `?` as wildcards, so `readTags` decides. */
export function scopeFilters(scope: Scope, run?: string): Filter[] {
  const values: Record<string, string> = {
    'benchaway:v': version,
    'benchaway:owner': scope.owner,
    'benchaway:project': scope.project,
    ...(run === undefined ? {} : { 'benchaway:run': run }),
  }
  return Object.entries(values).map(([key, value]) => ({
    Name: `tag:${key}`,
    Values: [value.replaceAll(/[*?\\]/g, String.raw`\$&`)],
  }))
}

/** Undefined unless all tags are there, well-formed and exactly of this scope. */
export function readTags(tags: readonly Tag[] | undefined, scope: Scope): RunTags | undefined {
  const value = (key: string): string | undefined => tags?.find((tag) => tag.Key === key)?.Value
  const run = value('benchaway:run')
  const expires = value('benchaway:expires')
  if (
    value('benchaway:v') !== version ||
    value('benchaway:owner') !== scope.owner ||
    value('benchaway:project') !== scope.project ||
    run === undefined ||
    // It becomes a file name: whoever can tag could otherwise name a file of this computer.
    timeOfRunId(run) === undefined ||
    expires === undefined ||
    !/^\d{1,12}$/.test(expires)
  ) {
    return undefined
  }
  return { ...scope, run, expires: Number(expires) * 1000 }
}
