/** What all resources have in common: an id that says its kind, tags, and a place in every list. */
import { randomBytes } from 'node:crypto'

import { ApiError } from '../query/api-error.ts'

export type Tags = Map<string, string>

/** What the world notes of every resource when it is made. */
export interface Stamp {
  /** Rises with creation: lists are in this order, and a page ends at one. */
  readonly order: number
  /** From when on others than its maker find it, in ms since the epoch: EC2 is eventually consistent. */
  readonly visibleFrom: number
}

export interface Resource extends Stamp {
  readonly id: string
  /** As they are; what a caller is shown comes from `shownTags`. */
  readonly tags: Tags
}

export function isVisible({ visibleFrom }: Stamp): boolean {
  return visibleFrom <= Date.now()
}

interface Kind {
  prefix: string
  malformed: string
  notFound: string
  missing: (ids: readonly string[]) => string
}

export type ResourceKind =
  | 'instance'
  | 'image'
  | 'key-pair'
  | 'security-group'
  | 'security-group-rule'
  | 'volume'
  | 'network-interface'
  | 'vpc'
  | 'subnet'

/** EC2 spells these codes differently for every kind; so do we. */
const kinds: Record<ResourceKind, Kind> = {
  instance: {
    prefix: 'i',
    malformed: 'InvalidInstanceID.Malformed',
    notFound: 'InvalidInstanceID.NotFound',
    missing: (ids) =>
      ids.length === 1
        ? `The instance ID '${ids[0]}' does not exist`
        : `The instance IDs '${ids.join(', ')}' do not exist`,
  },
  image: {
    prefix: 'ami',
    malformed: 'InvalidAMIID.Malformed',
    notFound: 'InvalidAMIID.NotFound',
    missing: (ids) =>
      ids.length === 1
        ? `The image id '[${ids[0]}]' does not exist`
        : `The image ids '[${ids.join(', ')}]' do not exist`,
  },
  'key-pair': {
    prefix: 'key',
    malformed: 'InvalidParameterValue',
    notFound: 'InvalidKeyPair.NotFound',
    missing: (ids) => `The key pair '${ids[0]}' does not exist`,
  },
  'security-group': {
    prefix: 'sg',
    malformed: 'InvalidGroupId.Malformed',
    notFound: 'InvalidGroup.NotFound',
    missing: (ids) => `The security group '${ids[0]}' does not exist`,
  },
  'security-group-rule': {
    prefix: 'sgr',
    malformed: 'InvalidSecurityGroupRuleId.Malformed',
    notFound: 'InvalidSecurityGroupRuleId.NotFound',
    missing: (ids) => `The security group rule ID '${ids[0]}' does not exist`,
  },
  volume: {
    prefix: 'vol',
    malformed: 'InvalidVolumeID.Malformed',
    notFound: 'InvalidVolume.NotFound',
    missing: (ids) =>
      ids.length === 1
        ? `The volume '${ids[0]}' does not exist.`
        : `The volumes '${ids.join(', ')}' do not exist.`,
  },
  'network-interface': {
    prefix: 'eni',
    malformed: 'InvalidNetworkInterfaceId.Malformed',
    notFound: 'InvalidNetworkInterfaceID.NotFound',
    missing: (ids) => `The networkInterface ID '${ids[0]}' does not exist`,
  },
  vpc: {
    prefix: 'vpc',
    malformed: 'InvalidVpcID.Malformed',
    notFound: 'InvalidVpcID.NotFound',
    missing: (ids) => `The vpc ID '${ids[0]}' does not exist`,
  },
  subnet: {
    prefix: 'subnet',
    malformed: 'InvalidSubnetID.Malformed',
    notFound: 'InvalidSubnetID.NotFound',
    missing: (ids) => `The subnet ID '${ids[0]}' does not exist`,
  },
}

/** As EC2 makes them today: the prefix and 17 hexadecimal digits. */
export function newId(prefix: string): string {
  return `${prefix}-0${randomBytes(8).toString('hex')}`
}

/** What is said of resources that do not exist. */
export function absent(kind: ResourceKind, ids: readonly string[]): ApiError {
  const { notFound, missing } = kinds[kind]
  return new ApiError(notFound, missing(ids))
}

/**
 * The resources with these ids, in the order asked for, each once.
 *
 * @throws {ApiError} `…Malformed` if one cannot be an id at all, `…NotFound` if one does not exist
 */
export function requireAll<T extends Resource>(
  kind: ResourceKind,
  resources: ReadonlyMap<string, T>,
  ids: readonly string[],
): T[] {
  const { prefix, malformed } = kinds[kind]
  const shape = new RegExp(`^${prefix}-(?:[0-9a-f]{8}|[0-9a-f]{17})$`)
  const bad = ids.find((id) => !shape.test(id))
  if (bad !== undefined) {
    throw new ApiError(malformed, `Invalid id: "${bad}" (expecting "${prefix}-...")`)
  }
  const found = [...new Set(ids)].map((id) => {
    const resource = resources.get(id)
    return resource !== undefined && isVisible(resource) ? resource : id
  })
  const missing = found.filter((resource) => typeof resource === 'string')
  if (missing.length > 0) throw absent(kind, missing)
  return found.filter((resource) => typeof resource !== 'string')
}

export function requireOne<T extends Resource>(
  kind: ResourceKind,
  resources: ReadonlyMap<string, T>,
  id: string,
): T {
  const [resource] = requireAll(kind, resources, [id])
  if (resource === undefined) throw new Error('requireAll() returned nothing')
  return resource
}
