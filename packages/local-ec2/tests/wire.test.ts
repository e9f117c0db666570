/**
 * Every operation of EC2 and STS with random parameters, through the SDK's own clients: what is
 * decoded must be what was sent, and what is received must be what was answered.
 */
import { once } from 'node:events'

import * as ec2 from '@aws-sdk/client-ec2'
import * as sts from '@aws-sdk/client-sts'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { createListener } from '../src/query/listener.ts'
import { ec2Service, type Handlers, stsService } from '../src/query/service.ts'
import { ec2Client, stsClient } from './clients.ts'
import { randomValues } from './random-values.ts'
import { sdkOperations } from './sdk-model.ts'

const credentials = { accessKeyId: 'FUZZ', secretAccessKey: 'fuzz' }
const rounds = 1

let received: unknown
let answer: unknown
const echo: Handlers = () => (input) => {
  received = input
  return answer
}
const listener = createListener({
  services: [ec2Service(echo), stsService(echo)],
  region: 'us-east-1',
  credentialOf: () => ({
    ...credentials,
    principal: {
      type: 'User',
      arn: 'arn:aws:iam::000000000000:user/fuzz',
      userId: 'AIDAFUZZ',
      principalArn: 'arn:aws:iam::000000000000:user/fuzz',
      userName: 'fuzz',
      tags: new Map(),
      policies: undefined,
    },
    session: undefined,
    expires: Number.POSITIVE_INFINITY,
  }),
})
let endpoint: string

beforeAll(async () => {
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('not on TCP')
  endpoint = `http://127.0.0.1:${address.port}`
})

afterAll(() => {
  listener.close()
  listener.closeAllConnections()
})

/** Operations whose wire form the client changes on its own. */
const rewritten = new Set([
  // Adds a presigned URL and its own region.
  'CopySnapshot',
  // Goes out unsigned.
  'AssumeRoleWithSAML',
  'AssumeRoleWithWebIdentity',
])

async function exchange(
  sdk: object,
  send: (operation: string, input: object) => Promise<object>,
): Promise<number> {
  const random = randomValues(20_261_121)
  let count = 0
  for (const { name, input: inputSchema, output: outputSchema } of sdkOperations(sdk)) {
    if (rewritten.has(name)) continue
    for (let round = 0; round < rounds; round++) {
      const input = random.structure(inputSchema)
      answer = random.structure(outputSchema)
      const { $metadata: _, ...output } = Object.assign({ $metadata: {} }, await send(name, input))
      expect.soft(received, `input of ${name}`).toEqual(input)
      expect.soft(output, `output of ${name}`).toEqual(answer)
      count++
    }
  }
  return count
}

test('any EC2 operation crosses the wire unchanged, both ways', async () => {
  const client = ec2Client({ endpoint, region: 'us-east-1', credentials })
  const count = await exchange(ec2, (name, input) => {
    const Command: new (input: object) => Parameters<typeof client.send>[0] = Reflect.get(
      ec2,
      `${name}Command`,
    )
    return client.send(new Command(input))
  })
  expect(count).toBeGreaterThan(820)
})

test('any STS operation crosses the wire unchanged, both ways', async () => {
  const client = stsClient({ endpoint, region: 'us-east-1', credentials })
  const count = await exchange(sts, (name, input) => {
    const Command: new (input: object) => Parameters<typeof client.send>[0] = Reflect.get(
      sts,
      `${name}Command`,
    )
    return client.send(new Command(input))
  })
  expect(count).toBe(9)
})
