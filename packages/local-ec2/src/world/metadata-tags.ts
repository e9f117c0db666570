/** Tags that a machine can read are paths of its metadata service, so not every key will do. */
import { ApiError } from '../query/api-error.ts'
import type { Tags } from './resource.ts'

/**
 * For an instance that shows its tags to its machine.
 *
 * @throws {ApiError} `InvalidParameterValue`
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
 */
export function checkMetadataTags(tags: Tags): void {
  for (const key of tags.keys()) {
    if (/^[0-9a-zA-Z\-_+=,.@:]{1,255}$/.test(key) && !reserved.includes(key)) continue
    throw new ApiError(
      'InvalidParameterValue',
      `'${key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not be a reserved name ('.', '..', '_index')`,
    )
  }
}

const reserved = ['.', '..', '_index']
