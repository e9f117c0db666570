/** DescribeInstanceTypeOfferings. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { type InstanceType, instanceTypes } from '../world/instance-types.ts'
import { region, zones } from '../world/network.ts'
import { isOffered } from '../world/offerings.ts'
import type { Ec2Actions } from './action.ts'
import type { Fields } from './common/filters.ts'
import { page } from './common/paging.ts'
import { invalidValue } from './common/refusals.ts'
import { untaggedMatcher } from './common/untagged.ts'

export const offeringActions: Ec2Actions = {
  DescribeInstanceTypeOfferings: {
    accepts: { LocationType: true, Filters: true, MaxResults: true, NextToken: true, DryRun: true },
    plan(input) {
      const { Filters } = input
      const locationType = readLocationType(input.LocationType)
      const matches = untaggedMatcher(fields, Filters)
      const chosen = [...offerings(locationType)].filter(matches)
      const { items, NextToken } = page(chosen, input, {
        query: JSON.stringify(['offering', locationType, Filters]),
      })
      const InstanceTypeOfferings = items.map(({ type, location }) => ({
        InstanceType: type.name,
        LocationType: locationType,
        Location: location,
      }))
      return () => ({ InstanceTypeOfferings, NextToken })
    },
  },
}

interface Offering {
  order: number
  type: InstanceType
  location: string
}

const fields: Fields<Offering> = {
  'instance-type': ({ type }) => type.name,
  location: ({ location }) => location,
}

const locationTypes = ['region', 'availability-zone', 'availability-zone-id', 'outpost'] as const

function readLocationType(text: string = 'region'): ec2.LocationType {
  const locationType = locationTypes.find((known) => known === text)
  if (locationType !== undefined) return locationType
  throw invalidValue(
    `Value (${text}) for parameter locationType is invalid. Valid values are: ${locationTypes.join(', ')}.`,
  )
}

function* offerings(locationType: ec2.LocationType): Iterable<Offering> {
  let order = 0
  for (const type of instanceTypes.values()) {
    for (const location of locationsOf(type, locationType)) yield { order: order++, type, location }
  }
}

function locationsOf(type: InstanceType, locationType: ec2.LocationType): string[] {
  const having = zones.filter((zone) => isOffered(type, zone))
  if (locationType === 'region') return [region]
  if (locationType === 'availability-zone') return having.map(({ name }) => name)
  if (locationType === 'availability-zone-id') return having.map(({ id }) => id)
  // This account has no Outposts.
  return []
}
