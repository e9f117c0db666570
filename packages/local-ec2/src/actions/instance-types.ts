/** DescribeInstanceTypes. */
import { ApiError } from '../query/api-error.ts'
import { instanceTypes } from '../world/instance-types.ts'
import type { Ec2Actions } from './action.ts'
import { page } from './common/paging.ts'
import { exclusive, invalidValue } from './common/refusals.ts'
import { untaggedMatcher } from './common/untagged.ts'
import { instanceTypeFields } from './instance-type/fields.ts'
import { showInstanceType } from './instance-type/show.ts'

const maxNames = 100

export const instanceTypeActions: Ec2Actions = {
  DescribeInstanceTypes: {
    accepts: {
      InstanceTypes: true,
      Filters: true,
      IncludeUnsupportedInRegion: true,
      MaxResults: true,
      NextToken: true,
      DryRun: true,
    },
    plan(input) {
      const { InstanceTypes: names = [], Filters } = input
      if (input.IncludeUnsupportedInRegion === true) {
        throw new ApiError(
          'UnsupportedOperation',
          'Types that the region does not have are not known to this local endpoint.',
        )
      }
      checkNames(names, input.MaxResults)
      const matches = untaggedMatcher(instanceTypeFields, Filters)
      const wanted = new Set<string>(names)
      const chosen = [...instanceTypes.values()].filter(
        (type) => (wanted.size === 0 || wanted.has(type.name)) && matches(type),
      )
      const { items, NextToken } = page(chosen, input, {
        limits: { min: 5, max: 100 },
        query: JSON.stringify(['instance-type', names, Filters]),
      })
      return () => ({ InstanceTypes: items.map(showInstanceType), NextToken })
    },
  },
}

function checkNames(names: readonly string[], pageSize: number | undefined): void {
  if (names.length > maxNames) {
    throw invalidValue(
      `The maximum number of instance types specified on a single call is ${maxNames}`,
    )
  }
  if (names.length > 0 && pageSize !== undefined) {
    throw exclusive('instanceTypes', 'the parameter maxResults')
  }
  const unknown = names.filter((name) => !instanceTypes.has(name))
  if (unknown.length > 0) {
    throw new ApiError(
      'InvalidInstanceType',
      `The following supplied instance types do not exist: [${unknown.join(', ')}]`,
    )
  }
}
