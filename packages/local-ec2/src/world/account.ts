/** The one account, and the names of what is in it. */
import { region } from './network.ts'

export const accountId = '000000000000'

/** The ARN of something of EC2. @param resource such as `instance/i-0123…` */
export function ec2Arn(resource: string): string {
  // Images and snapshots are found by accounts that do not own them.
  const owner = /^(image|snapshot)\//.test(resource) ? '' : accountId
  return `arn:aws:ec2:${region}:${owner}:${resource}`
}
