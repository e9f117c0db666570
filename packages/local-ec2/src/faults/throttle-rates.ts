/**
 * How often EC2 lets an account call each action, as AWS publishes it. Every action has buckets of its own.
 *
 * @see https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
 */

/** A bucket holds `burst` tokens and gets `perSecond` back. */
export interface Rate {
  burst: number
  perSecond: number
}

type Pair = readonly [burst: number, perSecond: number]

/** `Describe*`, `Get*`, `List*`, `Search*` */
const nonMutating: Pair = [100, 20]
/** Some of them have a second, smaller bucket, for calls that ask for everything at once. */
const unfiltered: Pair = [50, 10]
/** Those that AWS calls resource-intensive have the same. */
const mutating: Pair = [50, 5]

const withUnfiltered: ReadonlySet<string> = new Set([
  'DescribeInstances',
  'DescribeInstanceStatus',
  'DescribeNetworkInterfaces',
  'DescribeSecurityGroups',
  'DescribeVolumes',
])

/** Actions with rates of their own, of those that this endpoint has. */
export const uncategorized: Readonly<Record<string, Pair>> = {
  CreateTags: [100, 10],
  DeleteTags: [100, 10],
  ModifyInstanceMetadataOptions: [100, 5],
  RunInstances: [5, 2],
  StartInstances: [5, 2],
  TerminateInstances: [100, 5],
}

/** These count instances as well as requests. */
const resources: Readonly<Record<string, Pair>> = {
  RunInstances: [1000, 2],
  StartInstances: [1000, 2],
  StopInstances: [1000, 20],
  TerminateInstances: [1000, 20],
}

/** @param narrow whether the call has a filter or asks for a page */
export function requestRate(action: string, narrow: boolean): { rate: Rate; kind: string } {
  const own = uncategorized[action]
  if (own !== undefined) return { rate: rate(own), kind: 'own' }
  if (!/^(?:Describe|Get|List|Search)/.test(action))
    return { rate: rate(mutating), kind: 'mutating' }
  if (!narrow && withUnfiltered.has(action)) return { rate: rate(unfiltered), kind: 'unfiltered' }
  return { rate: rate(nonMutating), kind: 'non-mutating' }
}

export function resourceRate(action: string): Rate | undefined {
  const own = resources[action]
  return own && rate(own)
}

function rate([burst, perSecond]: Pair): Rate {
  return { burst, perSecond }
}
