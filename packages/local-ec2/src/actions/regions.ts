/** DescribeRegions. */
import { type Region, regions } from '../world/regions.ts'
import type { Ec2Actions } from './action.ts'
import type { Fields } from './common/filters.ts'
import { invalidValue } from './common/refusals.ts'
import { untaggedMatcher } from './common/untagged.ts'

export const regionActions: Ec2Actions = {
  DescribeRegions: {
    accepts: { RegionNames: true, AllRegions: true, Filters: true, DryRun: true },
    plan({ RegionNames: names = [], AllRegions: all = false, Filters }) {
      const matches = untaggedMatcher(fields, Filters)
      const unknown = names.filter((name) => !regions.some((region) => region.name === name))
      if (unknown.length > 0) {
        throw invalidValue(`Invalid region: [${unknown.join(', ')}]`)
      }
      // One that is named is shown, whether the account has it or not.
      const shown = (region: Region): boolean =>
        names.length > 0 ? names.includes(region.name) : all || region.optIn !== 'not-opted-in'
      const Regions = regions
        .filter((region) => shown(region) && matches(region))
        .map(({ name, endpoint, optIn }) => ({
          RegionName: name,
          Endpoint: endpoint,
          OptInStatus: optIn,
        }))
      return () => ({ Regions })
    },
  },
}

const fields: Fields<Region> = {
  endpoint: ({ endpoint }) => endpoint,
  'opt-in-status': ({ optIn }) => optIn,
  'region-name': ({ name }) => name,
}
