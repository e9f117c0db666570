/** Tags of resources that exist. A change of them may be seen only later: EC2 is eventually consistent. */
import { type Conditions, conditions } from './conditions.ts'
import type { Tags } from './resource.ts'

interface Version {
  tags: Tags
  /** When others than the call that made the change see it, in ms since the epoch. */
  until: number
  changedBy: Conditions
}

/** What they were, in the order of the changes. */
const former = new WeakMap<Tags, Version[]>()

/** Of a resource's tags those that a caller sees and that filters look at. */
export function shownTags(tags: Tags): Tags {
  const versions = former.get(tags)
  if (versions === undefined) return tags
  const [now, caller] = [Date.now(), conditions()]
  const old = versions.find(({ until, changedBy }) => until > now && changedBy !== caller)
  return old?.tags ?? tags
}

/** All that `shownTags` may answer until the tags are changed again, and as they are. */
export function heldTags(tags: Tags): Tags[] {
  return [...(former.get(tags) ?? []).map((version) => version.tags), tags]
}

/** The only way in which tags of something that exists change. */
export function changeTags(tags: Tags, change: (tags: Tags) => void): void {
  keepShowing(tags, new Map(tags))
  change(tags)
}

/** To be called with the tags of something that has just been made. */
export function newTags(tags: Tags): void {
  if (tags.size > 0) keepShowing(tags, new Map())
}

function keepShowing(tags: Tags, shown: Tags): void {
  const changedBy = conditions()
  const lagMs = changedBy.tagLagMs()
  const now = Date.now()
  const versions = (former.get(tags) ?? []).filter(({ until }) => until > now)
  if (lagMs > 0) versions.push({ tags: shown, until: now + lagMs, changedBy })
  if (versions.length > 0) former.set(tags, versions)
  else former.delete(tags)
}

/** Of keys that only AWS sets, or what stands for it here: nobody else sets or deletes them, and they do not count. */
export function reservedPrefix(key: string): string | undefined {
  return /^(?:aws|local-ec2):/i.exec(key)?.[0].toLowerCase()
}
