/** The policy that a session is narrowed by. */
import { LocalEc2Error } from '../../errors.ts'
import { type Policy, parsePolicy } from '../../policy/document.ts'
import { ApiError } from '../../query/api-error.ts'
import { validation } from './parameters.ts'

const maxLength = 2048

/** @throws {ApiError} `MalformedPolicyDocument`, `ValidationError` */
export function readSessionPolicy(text: string | undefined): Policy | undefined {
  if (text === undefined) return undefined
  if (text.length === 0) {
    throw validation(text, 'policy', 'have length greater than or equal to 1')
  }
  if (text.length > maxLength) {
    throw validation(text, 'policy', `have length less than or equal to ${maxLength}`)
  }
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    throw new ApiError('MalformedPolicyDocument', 'This policy contains invalid Json')
  }
  try {
    return parsePolicy(document)
  } catch (error) {
    if (!(error instanceof LocalEc2Error)) throw error
    throw new ApiError('MalformedPolicyDocument', `Syntax errors in policy. ${error.message}`)
  }
}
