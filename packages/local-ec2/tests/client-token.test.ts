import {
  DeleteKeyPairCommand,
  DescribeSecurityGroupsCommand,
  type EC2Client,
  ImportKeyPairCommand,
  type RunInstancesCommandInput,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type LocalEc2, serve } from '../src/server.ts'
import { ec2Client, refusal, run } from './clients.ts'
import { ScriptedHost } from './scripted-host.ts'

let host: ScriptedHost
let local: LocalEc2
let client: EC2Client

beforeEach(async () => {
  host = new ScriptedHost()
  local = await serve(host)
  client = ec2Client(local)
})
afterEach(() => local.close())

type Input = Partial<RunInstancesCommandInput>

const mismatch = {
  code: 'IdempotentParameterMismatch',
  status: 400,
  message:
    "Arguments on this idempotent request are inconsistent with arguments used in previous request(s) with client token 't'.",
}

async function launch(input: Input): Promise<string[]> {
  const instances = await run(client, { ClientToken: 't', ...input })
  return instances.map(({ InstanceId }) => InstanceId)
}

test('a token launches once, also when it is sent many times at once', async () => {
  const answers = await Promise.all([1, 2, 3, 4, 5].map(() => launch({ MaxCount: 2 })))
  const [first] = answers
  expect(answers).toEqual(answers.map(() => first))
  expect(host.machines).toHaveLength(2)
})

test('a launch without a token is never taken for another', async () => {
  const input = { ClientToken: '' }
  expect(await launch(input)).not.toEqual(await launch(input))
})

test('defaults that are spelt out and lists in another order ask for the same', async () => {
  const { SecurityGroups: groups = [] } = await client.send(new DescribeSecurityGroupsCommand({}))
  const tags = [
    { Key: 'a', Value: '1' },
    { Key: 'b', Value: '2' },
  ]
  const first = await launch({ TagSpecifications: [{ ResourceType: 'instance', Tags: tags }] })
  const same = await launch({
    TagSpecifications: [{ ResourceType: 'instance', Tags: tags.toReversed() }],
    InstanceInitiatedShutdownBehavior: 'stop',
    EbsOptimized: false,
    Monitoring: { Enabled: false },
    Placement: { Tenancy: 'default' },
    MetadataOptions: { HttpEndpoint: 'enabled' },
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: true } }],
    SecurityGroupIds: groups.flatMap(({ GroupId }) => GroupId ?? []),
  })
  expect(same).toEqual(first)
})

test.each<[string, Input]>([
  ['another type', { InstanceType: 'c7i.large' }],
  ['another count', { MaxCount: 2 }],
  [
    'another tag',
    { TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'a', Value: '' }] }] },
  ],
  ['other user-data', { UserData: 'aGVsbG8=' }],
  ['a larger disk', { BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 9 } }] }],
  ['a zone', { Placement: { AvailabilityZone: 'us-east-1a' } }],
  ['a protection', { DisableApiTermination: true }],
  ['a hop more', { MetadataOptions: { HttpPutResponseHopLimit: 2 } }],
])('the same token with %s is refused', async (_, input) => {
  await launch({})
  expect(await refusal(launch(input))).toEqual(mismatch)
  expect(host.machines).toHaveLength(1)
})

test('an answer that was lost is owed although the key pair of the launch is gone', async () => {
  await client.send(
    new ImportKeyPairCommand({
      KeyName: 'mine',
      PublicKeyMaterial: Buffer.from(
        'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE2pnkBEhKVLaC5Gmz5DpzHqH5Rn0ZsIhRdpFsKSV3Jv',
      ),
    }),
  )
  const first = await launch({ KeyName: 'mine' })
  await client.send(new DeleteKeyPairCommand({ KeyName: 'mine' }))
  expect(await launch({ KeyName: 'mine' })).toEqual(first)
})

test('a token whose instances have all ended launches no more', async () => {
  const [a = '', b = ''] = await launch({ MaxCount: 2 })
  const terminate = async (id: string, index: number): Promise<void> => {
    await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }))
    host.machines[index]?.end({ reason: 'unplugged' })
  }
  await terminate(a, 0)
  expect(await launch({ MaxCount: 2 })).toEqual([a, b])
  await terminate(b, 1)
  expect(await refusal(launch({ MaxCount: 2 }))).toEqual({
    code: 'IdempotentInstanceTerminated',
    status: 400,
    message: "The instance launched with client token 't' has been terminated.",
  })
  expect(await refusal(launch({ MaxCount: 3 }))).toEqual(mismatch)
})
