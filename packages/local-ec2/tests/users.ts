/** Users with policies, and what they are told when they may not. */
import type { EC2Client } from '@aws-sdk/client-ec2'
import { DecodeAuthorizationMessageCommand, type STSClient } from '@aws-sdk/client-sts'
import { expect } from 'vitest'

import type { LocalEc2, PolicyDocument } from '../src/index.ts'
import { ec2Client, refusal, stsClient } from './clients.ts'

export const accountId = '000000000000'

export function ec2Arn(resource: string): string {
  return `arn:aws:ec2:us-east-1:${accountId}:${resource}`
}

/** A new user, who may do what these documents say. */
export function addUser(
  local: LocalEc2,
  name: string,
  policy: PolicyDocument | PolicyDocument[],
): { ec2: EC2Client; sts: STSClient; arn: string; accessKeyId: string } {
  const credentials = local.addUser({ name, policy })
  const { endpoint, region } = local
  return {
    ec2: ec2Client({ endpoint, region, credentials }),
    sts: stsClient({ endpoint, region, credentials }),
    arn: `arn:aws:iam::${accountId}:user/${name}`,
    accessKeyId: credentials.accessKeyId,
  }
}

/** A document of one statement, `Effect` and `Resource` as usual. */
export function statement(fields: object): PolicyDocument {
  return { Version: '2012-10-17', Statement: { Effect: 'Allow', Resource: '*', ...fields } }
}

/** How the refusal of something that would have changed things reads, and what others can read in it. */
export async function denial(
  call: Promise<unknown>,
): Promise<{ message: string; encoded: string }> {
  const { code, status, message: whole } = await refusal(call)
  expect({ code, status }).toEqual({ code: 'UnauthorizedOperation', status: 403 })
  const [message = '', encoded = ''] = whole.split('. Encoded authorization failure message: ')
  expect(encoded).toMatch(/^[\w-]{100,}$/)
  return { message, encoded }
}

export async function decode(sts: STSClient, encoded: string): Promise<unknown> {
  const { DecodedMessage = '' } = await sts.send(
    new DecodeAuthorizationMessageCommand({ EncodedMessage: encoded }),
  )
  return JSON.parse(DecodedMessage)
}
