/** Whether two calls with one client token ask for the same. */
import { createHash } from 'node:crypto'

import type { RunInstancesCommandInput } from '@aws-sdk/client-ec2'

import type { LaunchSpec } from '../../world/instance.ts'
import type { Counts } from './count.ts'

/** Of the parameters as they were sent. */
export function digestInput(input: RunInstancesCommandInput): string {
  return digest({ ...input, DryRun: undefined, ClientToken: undefined })
}

/**
 * Of what they come to, so that neither a default that is spelt out nor the order of a list matters.
 *
 * @param input says whether the subnet was asked for, or is EC2's choice, which may be another one next time
 */
export function digestLaunch(
  spec: LaunchSpec,
  { min, max }: Counts,
  { SubnetId, NetworkInterfaces, Placement }: RunInstancesCommandInput,
): string {
  const place = SubnetId ?? NetworkInterfaces?.[0]?.SubnetId ?? Placement?.AvailabilityZone
  const { image, type, subnet, groups, keyPair, userData, tags } = spec
  return digest({
    ...spec,
    clientToken: undefined,
    counts: [min, max],
    image: image.id,
    type: type.name,
    subnet: place === undefined && Placement?.AvailabilityZoneId === undefined ? '' : subnet.id,
    groups: sorted(groups.map(({ id }) => id)),
    keyPair: keyPair?.name,
    userData: userData && Buffer.from(userData).toString('base64'),
    tags: Object.values(tags).map((some) => sorted([...some].map(String))),
  })
}

function sorted(texts: readonly string[]): string[] {
  return texts.toSorted((a, b) => a.localeCompare(b))
}

function digest(value: object): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64')
}
