/** Parameters of STS, refused in the words of its validation. */
import type { Tag } from '@aws-sdk/client-sts'

import { ApiError } from '../../query/api-error.ts'
import type { Demand } from '../action.ts'

export function readRoleArn(arn: string = ''): string {
  if (arn.length < 20) throw constraint(arn, 'roleArn', 'length greater than or equal to 20')
  if (arn.length > 2048) throw constraint(arn, 'roleArn', 'length less than or equal to 2048')
  if (!/^arn:aws:iam::\d{12}:role\/[\x21-\x7e]+$/.test(arn)) {
    throw new ApiError('ValidationError', `${arn} is invalid`)
  }
  return arn
}

export function readSessionName(name: string = ''): string {
  const where = 'roleSessionName'
  if (!/^[\w+=,.@-]*$/.test(name)) {
    throw validation(name, where, 'satisfy regular expression pattern: [\\w+=,.@-]*')
  }
  if (name.length < 2) throw constraint(name, where, 'length greater than or equal to 2')
  if (name.length > 64) throw constraint(name, where, 'length less than or equal to 64')
  return name
}

export function readDuration(
  seconds: number | undefined,
  { max, usual }: { max: number; usual: number },
): number {
  if (seconds === undefined) return usual
  const where = 'durationSeconds'
  if (seconds < 900) throw constraint(String(seconds), where, 'value greater than or equal to 900')
  if (seconds > max) throw constraint(String(seconds), where, `value less than or equal to ${max}`)
  return seconds
}

const maxTags = 50

/** The tags of a session, and the permission that setting them takes. */
export function readSessionTags(
  list: readonly Tag[] = [],
  roleArn: string,
): { tags: ReadonlyMap<string, string>; demands: Demand[] } {
  if (list.length > maxTags) {
    throw constraint('tags', 'tags', `length less than or equal to ${maxTags}`)
  }
  const tags = new Map<string, string>()
  for (const { Key: key = '', Value: value = '' } of list) {
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u.test(key)) {
      throw validation(
        key,
        'tags.member.key',
        'satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+',
      )
    }
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u.test(value)) {
      throw validation(
        value,
        'tags.member.value',
        'satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*',
      )
    }
    const same = [...tags.keys()].find((other) => other.toLowerCase() === key.toLowerCase())
    if (same !== undefined) {
      throw new ApiError(
        'InvalidParameterValue',
        'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
      )
    }
    tags.set(key, value)
  }
  if (tags.size === 0) return { tags, demands: [] }
  const requested = [...tags].map(([key, value]) => [`aws:RequestTag/${key}`, value])
  const context = { ...Object.fromEntries(requested), 'aws:TagKeys': [...tags.keys()] }
  return { tags, demands: [{ action: 'sts:TagSession', resource: roleArn, context }] }
}

function constraint(value: string, where: string, what: string): ApiError {
  return validation(value, where, `have ${what}`)
}

export function validation(value: string, where: string, what: string): ApiError {
  return new ApiError(
    'ValidationError',
    `1 validation error detected: Value '${value}' at '${where}' failed to satisfy constraint: Member must ${what}`,
  )
}
