/** What a caller must be allowed to do, as EC2 asks IAM: one demand for each resource of a call. */
import type { Resource, Tags } from '../../world/resource.ts'
import type { Demand } from '../action.ts'

/** Types of resources as they are called in ARNs and in TagSpecifications. */
export type ResourceType =
  | 'image'
  | 'instance'
  | 'key-pair'
  | 'network-interface'
  | 'security-group'
  | 'security-group-rule'
  | 'snapshot'
  | 'subnet'
  | 'volume'
  | 'vpc'

type Context = Demand['context']

/** Something that exists. @param context condition keys besides those of its tags */
export function existing(
  type: ResourceType,
  { id, tags }: Pick<Resource, 'id' | 'tags'>,
  context: Context = {},
): Demand {
  return {
    resource: `${type}/${id}`,
    context: {
      ...tagKeys('aws:ResourceTag', tags),
      ...tagKeys('ec2:ResourceTag', tags),
      ...context,
    },
  }
}

/**
 * Something that is yet to be made. Whoever tags it in the same call must be allowed to do that as well.
 *
 * @param creator the action that makes it, such as `RunInstances`
 * @param context condition keys besides those of its tags
 */
export function created(
  type: ResourceType,
  creator: string,
  tags: Tags,
  context: Context = {},
): Demand[] {
  const resource = `${type}/*`
  const asked = requested(tags)
  const creation = { resource, context: { ...asked, ...context } }
  if (tags.size === 0) return [creation]
  return [
    creation,
    {
      action: 'ec2:CreateTags',
      resource,
      context: { ...asked, ...context, 'ec2:CreateAction': creator },
    },
  ]
}

/** Tags that a call names, as it would set or delete them. */
export function requested(tags: Tags): Context {
  return { ...tagKeys('aws:RequestTag', tags), 'aws:TagKeys': [...tags.keys()] }
}

function tagKeys(prefix: string, tags: Tags): Record<string, string> {
  return Object.fromEntries([...tags].map(([key, value]) => [`${prefix}/${key}`, value]))
}
