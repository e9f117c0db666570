import { DescribeInstanceTypesCommand, type _InstanceType } from '@aws-sdk/client-ec2'

import { BenchawayError } from '../errors.ts'
import { awsCode, call } from './call.ts'
import type { Clients } from './clients.ts'

/** As Node names it. */
export type Arch = 'x64' | 'arm64'

/**
 * The processor architecture of a type, asked of AWS: names do not tell it reliably.
 *
 * @throws {BenchawayError} `INSTANCE_TYPE_UNKNOWN`
 */
export async function architectureOf(clients: Clients, type: string): Promise<Arch> {
  const answer = await call('DescribeInstanceTypes', clients, () =>
    clients.ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes: [asInstanceType(type)] })),
  ).catch((error: unknown) => {
    if (awsCode(error)?.startsWith('InvalidInstanceType')) return { InstanceTypes: [] }
    throw error
  })
  const found = answer.InstanceTypes?.find((candidate) => candidate.InstanceType === type)
  const architectures = found?.ProcessorInfo?.SupportedArchitectures ?? []
  if (architectures.includes('x86_64')) return 'x64'
  if (architectures.includes('arm64')) return 'arm64'
  throw new BenchawayError(
    'INSTANCE_TYPE_UNKNOWN',
    `${clients.region} has no instance type '${type}' with an x86_64 or arm64 processor`,
    {
      hint: 'Check the spelling (such as m7i.large), or choose a region that offers it.',
    },
  )
}

/** The SDK lists the types that it knows; AWS has newer ones, and says itself which it does not know. */
export function asInstanceType(type: string): _InstanceType {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the wire carries any name
  return type as _InstanceType
}
