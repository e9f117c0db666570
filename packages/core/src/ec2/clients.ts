import { EC2Client } from '@aws-sdk/client-ec2'
import { STSClient } from '@aws-sdk/client-sts'

import { BenchawayError, messageOf } from '../errors.ts'
import { limitTries } from './tries.ts'

/** An endpoint that is not AWS, such as the one that `startLocalEc2()` returns. */
export interface LocalTarget {
  /** Such as `http://127.0.0.1:4566`. */
  readonly endpoint: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

export interface Clients {
  readonly ec2: EC2Client
  readonly sts: STSClient
  readonly region: string
  readonly target: 'aws' | 'local'
  /** Where requests go, for messages. */
  readonly endpoint: string
  /** AWS's time, epoch milliseconds: the SDK learns from its answers when our clock is off by minutes. */
  now(): number
  close(): void
}

/**
 * For AWS, region and credentials come from the SDK's own chain: environment, profile, role. For a local target
 * nothing is read from the environment, so its requests can never reach AWS nor carry a real key.
 *
 * @throws {BenchawayError} `REGION_MISSING`, `CREDENTIALS_MISSING`, `OPTION_INVALID`
 */
export async function openClients(
  target: 'aws' | LocalTarget,
  region: string | undefined,
): Promise<Clients> {
  const local = target === 'aws' ? undefined : target
  const given = local?.region ?? region
  const common = {
    ...(given === undefined ? {} : { region: given }),
    ...(local ? { endpoint: local.endpoint, credentials: local.credentials } : {}),
    // Either would send requests elsewhere, and both are read from the environment otherwise.
    ...(local ? { useFipsEndpoint: false, useDualstackEndpoint: false } : {}),
    // The SDK has no time limit of its own: a lost answer would hang for ever.
    requestHandler: {
      connectionTimeout: 5000,
      requestTimeout: 30_000,
      throwOnRequestTimeout: true,
    },
  }
  // EC2 throttles by the account; three tries, the SDK's default, are over within a second and a half.
  const maxAttempts = 10
  const ec2 = new EC2Client({ ...common, retryMode: 'standard', maxAttempts })
  const sts = new STSClient({ ...common, retryMode: 'standard', maxAttempts: 3 })
  const close = (): void => {
    ec2.destroy()
    sts.destroy()
  }
  try {
    if (local === undefined) await assertNotRedirected([ec2, sts])
    // An endpoint on this computer that does not answer is gone.
    await limitTries(ec2, local ? 3 : maxAttempts)
    const resolved = await ec2.config.region().catch((cause: unknown) => {
      const reason = given === undefined ? 'no AWS region is set' : `'${given}' is no AWS region`
      throw new BenchawayError('REGION_MISSING', reason, {
        hint: 'Set the option `region`, the variable AWS_REGION, or a region in your AWS profile.',
        cause,
      })
    })
    await ec2.config.credentials().catch((cause: unknown) => {
      throw new BenchawayError('CREDENTIALS_MISSING', `no AWS credentials: ${messageOf(cause)}`, {
        hint: 'Log in (for example `aws sso login`) or set AWS_PROFILE; without an AWS account use a local target.',
        cause,
      })
    })
    return {
      ec2,
      sts,
      region: resolved,
      target: local ? 'local' : 'aws',
      endpoint: local?.endpoint ?? `ec2.${resolved}.amazonaws.com`,
      now: () => Date.now() + (ec2.config.systemClockOffset || sts.config.systemClockOffset),
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

/** Numbers of an emulator must never be reported as EC2's. */
async function assertNotRedirected(clients: readonly (EC2Client | STSClient)[]): Promise<void> {
  for (const { config } of clients) {
    // oxlint-disable-next-line no-await-in-loop -- read from a file that the SDK keeps
    const url = await config.serviceConfiguredEndpoint?.()
    if (!url || /^https:\/\/[^/]+\.(?:amazonaws\.com(?:\.cn)?|api\.aws)(?:[:/]|$)/.test(url))
      continue
    const variable = [
      `AWS_ENDPOINT_URL_${config.serviceId.toUpperCase()}`,
      'AWS_ENDPOINT_URL',
    ].find((name) => process.env[name])
    const { AWS_PROFILE: profile = 'default', AWS_CONFIG_FILE: file = '~/.aws/config' } =
      process.env
    const [who, remedy] =
      variable === undefined
        ? [`the AWS profile '${profile}'`, `Remove its endpoint_url from ${file}`]
        : [variable, 'Unset it']
    throw new BenchawayError(
      'OPTION_INVALID',
      `${who} sends requests to ${url}, which is not AWS`,
      { hint: `${remedy}, or use a local target: in Vitest with BENCHAWAY_TARGET=local.` },
    )
  }
}
