/** How many instances a launch makes. */
import type { RunInstancesCommandInput } from '@aws-sdk/client-ec2'

import { ApiError } from '../../query/api-error.ts'

export interface Counts {
  min: number
  max: number
}

export function readCounts({ MinCount, MaxCount }: RunInstancesCommandInput): Counts {
  const counts = { min: MinCount ?? 0, max: MaxCount ?? 0 }
  for (const [name, value] of [
    ['MinCount', counts.min],
    ['MaxCount', counts.max],
  ] as const) {
    if (Number.isInteger(value) && value >= 1) continue
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${value}) for parameter ${name} is invalid. It must be a positive integer.`,
    )
  }
  if (counts.min > counts.max) {
    throw new ApiError(
      'InvalidParameterCombination',
      `MinCount (${counts.min}) must not be greater than MaxCount (${counts.max})`,
    )
  }
  return counts
}
