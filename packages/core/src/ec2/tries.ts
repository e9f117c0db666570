/** How often a request is sent before its failure counts, by what kind of failure that is. */
import type { EC2Client } from '@aws-sdk/client-ec2'

import { awsCode } from './call.ts'

/**
 * Narrows what the SDK would try again, up to its `maxAttempts`.
 *
 * @param most how often a request is sent that fails for any other reason than throttling
 */
export async function limitTries(client: EC2Client, most: number): Promise<void> {
  const standard = await client.config.retryStrategy()
  if (!('refreshRetryTokenForRetry' in standard)) return
  const narrowed: typeof standard = {
    acquireInitialRetryToken: (scope) => standard.acquireInitialRetryToken(scope),
    recordSuccess: (token) => standard.recordSuccess(token),
    async refreshRetryTokenForRetry(token, failure) {
      const throttled = failure.errorType === 'THROTTLING'
      if (isOutOfCapacity(failure.error) || (!throttled && token.getRetryCount() + 1 >= most)) {
        // The SDK takes this for its sign to stop, and throws the failure itself.
        throw new Error('tried often enough')
      }
      return standard.refreshRetryTokenForRetry(token, failure)
    },
  }
  client.config.retryStrategy = async () => narrowed
}

/** A fault of the server by its status, so the SDK would ask for minutes; but machines do not come back in those. */
export function isOutOfCapacity(error: unknown): boolean {
  return /^Insufficient(?:Instance|Host)?Capacity$/.test(awsCode(error) ?? '')
}
