/** How many of its processors an instance has, and how fast they may be for how long. */
import type { CpuOptionsRequest, CreditSpecificationRequest } from '@aws-sdk/client-ec2'

import { ApiError } from '../../query/api-error.ts'
import type { InstanceType } from '../../world/instance-types.ts'
import type { Settings } from '../../world/instance.ts'
import { choice } from '../common/choice.ts'

export function usualCpu({ cores, threadsPerCore }: InstanceType): Settings['cpu'] {
  return { cores, threadsPerCore }
}

export function readCpu(
  options: CpuOptionsRequest | undefined,
  type: InstanceType,
): Settings['cpu'] {
  if (options === undefined) return usualCpu(type)
  const { CoreCount: cores, ThreadsPerCore: threadsPerCore } = options
  if (cores === undefined || threadsPerCore === undefined) {
    throw new ApiError(
      'MissingParameter',
      'When specifying CpuOptions you must specify both CoreCount and ThreadsPerCore.',
    )
  }
  // Where there is no choice, what it has is still no mistake.
  const { validCores = [type.cores] } = type
  const validThreads = threadsPerCore === 1 || threadsPerCore === type.threadsPerCore
  if (!validCores.includes(cores) || !validThreads) {
    throw new ApiError(
      'InvalidParameterCombination',
      `CpuOptions with ${cores} cores and ${threadsPerCore} threads per core are not valid for ${type.name}`,
    )
  }
  return { cores, threadsPerCore }
}

/** Nothing here depends on it, but only some types have it. */
export function checkCredits(
  specification: CreditSpecificationRequest | undefined,
  { name, traits }: InstanceType,
): void {
  if (specification === undefined) return
  choice('CpuCredits', specification.CpuCredits, ['standard', 'unlimited'])
  if (traits.has('burst')) return
  throw new ApiError(
    'InstanceCreditSpecification.NotSupported',
    `The ${name} instance type does not support T2 Unlimited.`,
  )
}
