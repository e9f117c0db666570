/** Tags of resources that exist. */
import type { Tags } from './resource.ts'

/** Of a resource's tags those that a caller sees and that filters look at. */
export function shownTags(tags: Tags): Tags {
  return tags
}
