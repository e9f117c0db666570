/** What is wrong with the parameters of a call, in EC2's words. */
import { ApiError } from '../../query/api-error.ts'

export function invalidValue(message: string): ApiError {
  return new ApiError('InvalidParameterValue', message)
}

export function missingParameter(name: string): ApiError {
  return new ApiError('MissingParameter', `The request must contain the parameter ${name}`)
}

export function exclusive(parameter: string, others: string): ApiError {
  return new ApiError(
    'InvalidParameterCombination',
    `The parameter ${parameter} cannot be used with ${others}`,
  )
}
