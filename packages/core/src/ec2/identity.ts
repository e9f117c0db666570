import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'

import { BenchawayError } from '../errors.ts'
import { call } from './call.ts'
import type { Clients } from './clients.ts'

export interface Identity {
  /** Twelve digits. */
  readonly account: string
  /** See `ownerOf`. */
  readonly owner: string
}

export async function identify(clients: Clients): Promise<Identity> {
  const answer = await call('GetCallerIdentity', clients, () =>
    clients.sts.send(new GetCallerIdentityCommand({})),
  )
  const { Account: account, Arn: arn } = answer
  if (account === undefined || arn === undefined) {
    throw new BenchawayError('AWS_REFUSED', 'GetCallerIdentity answered without an account')
  }
  return { account, owner: ownerOf(arn) }
}

/**
 * The name under which a person's or a job's resources are found again: `user/NAME`, `role/ROLE`, `root`.
 *
 * The session name of an assumed role changes with each session, so it is dropped; only for `AWSReservedSSO_` roles,
 * which everybody in a company shares, it is the person and stays.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
 */
export function ownerOf(arn: string): string {
  const [, , , , , resource = ''] = arn.split(':')
  const [kind = '', ...names] = resource.split('/')
  if (kind === 'assumed-role') {
    const [role = '', session = ''] = names
    return role.startsWith('AWSReservedSSO_') ? `role/${role}/${session}` : `role/${role}`
  }
  // A path such as user/team/NAME is no part of the name.
  return names.length === 0 ? kind : `${kind}/${names.at(-1)}`
}
