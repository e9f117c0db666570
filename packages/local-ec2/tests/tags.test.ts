import {
  AuthorizeSecurityGroupIngressCommand,
  CreateKeyPairCommand,
  CreateSecurityGroupCommand,
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeInstancesCommand,
  DescribeSubnetsCommand,
  DescribeTagsCommand,
  type DescribeTagsCommandInput,
  DescribeVolumesCommand,
  DescribeVpcsCommand,
  type EC2Client,
  type Filter,
  paginateDescribeTags,
  type Tag,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type LocalEc2, serve } from '../src/server.ts'
import { debian, describeOne, ec2Client, refusal, run, sendSigned } from './clients.ts'
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

function tag(ids: string | string[], pairs: Record<string, string>) {
  const Tags = Object.entries(pairs).map(([Key, Value]) => ({ Key, Value }))
  return client.send(new CreateTagsCommand({ Resources: [ids].flat(), Tags }))
}

function untag(ids: string | string[], Tags?: Tag[]) {
  return client.send(
    new DeleteTagsCommand({ Resources: [ids].flat(), ...(Tags !== undefined && { Tags }) }),
  )
}

/** As `id type key=value`. */
async function tags(input: DescribeTagsCommandInput = {}): Promise<string[]> {
  const { Tags = [] } = await client.send(new DescribeTagsCommand(input))
  return Tags.map(({ ResourceId, ResourceType, Key, Value }) =>
    [ResourceId, ResourceType, `${Key}=${Value}`].join(' '),
  )
}

function filtered(...filters: [name: string, ...values: string[]][]): Promise<string[]> {
  const Filters: Filter[] = filters.map(([Name, ...Values]) => ({ Name, Values }))
  return tags({ Filters })
}

async function group(name = 'g'): Promise<string> {
  const { GroupId = '' } = await client.send(
    new CreateSecurityGroupCommand({ GroupName: name, Description: 'made by a test' }),
  )
  return GroupId
}

/** One of everything that can be tagged, by its type in EC2's words. */
async function everything(): Promise<Record<string, string | undefined>> {
  const [instance] = await run(client)
  const GroupId = await group()
  const { KeyPairId } = await client.send(
    new CreateKeyPairCommand({ KeyName: 'k', KeyType: 'ed25519' }),
  )
  const { SecurityGroupRules } = await client.send(
    new AuthorizeSecurityGroupIngressCommand({
      GroupId,
      IpProtocol: 'tcp',
      FromPort: 22,
      ToPort: 22,
      CidrIp: '10.0.0.0/8',
    }),
  )
  const { Vpcs } = await client.send(new DescribeVpcsCommand({}))
  const { Subnets } = await client.send(new DescribeSubnetsCommand({}))
  const { Volumes } = await client.send(new DescribeVolumesCommand({}))
  return {
    instance: instance?.InstanceId,
    'key-pair': KeyPairId,
    'network-interface': instance?.NetworkInterfaces?.[0]?.NetworkInterfaceId,
    'security-group': GroupId,
    'security-group-rule': SecurityGroupRules?.[0]?.SecurityGroupRuleId,
    subnet: Subnets?.[0]?.SubnetId,
    volume: Volumes?.[0]?.VolumeId,
    vpc: Vpcs?.[0]?.VpcId,
  }
}

test('everything can be tagged at once, and is told apart by DescribeTags in its own words', async () => {
  const ids = await everything()
  const resources = Object.values(ids).map((id) => id ?? '')
  await tag(resources, { run: '1', '': 'x' }).catch(() => {})
  expect(await tags()).toEqual([])
  await tag(resources, { run: '1' })
  expect((await tags()).toSorted()).toEqual(
    Object.entries(ids)
      .map(([type, id]) => `${id} ${type} run=1`)
      .toSorted(),
  )
})

test('a tag that is set again changes its value and leaves the others alone', async () => {
  const id = await group()
  await tag(id, { a: '1', b: '2' })
  await tag(id, { b: '3', B: '4', c: '' })
  expect(await tags()).toEqual(
    ['B=4', 'a=1', 'b=3', 'c='].map((pair) => `${id} security-group ${pair}`),
  )
})

test('a tag goes whatever its value is, or only with the value that was named', async () => {
  const id = await group()
  await tag(id, { any: 'thing', same: 'x', other: 'x', empty: '', full: 'x', A: 'kept' })
  await untag(id, [
    { Key: 'any' },
    { Key: 'same', Value: 'x' },
    { Key: 'other', Value: 'y' },
    { Key: 'empty', Value: '' },
    { Key: 'full', Value: '' },
    { Key: 'a' },
    { Key: 'never-there' },
  ])
  expect(await tags()).toEqual(
    ['A=kept', 'full=x', 'other=x'].map((t) => `${id} security-group ${t}`),
  )
})

test('without tags to delete all go', async () => {
  const ids = [await group('a'), await group('b')]
  await tag(ids, { a: '1', b: '2' })
  await untag(ids)
  expect(await tags()).toEqual([])
})

test('what makes a local machine reachable is not for anybody to delete, and does not count', async () => {
  await using shared = await serve(new ScriptedHost({ sshPort: 2222 }))
  client = ec2Client(shared)
  const [instance] = await run(client)
  const id = instance?.InstanceId ?? ''
  await tag(id, Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`t${n}`, ''])))
  await untag(id)
  expect(await tags()).toEqual([`${id} instance local-ec2:ssh-port=2222`])
  const reserved = {
    code: 'InvalidParameterValue',
    status: 400,
    message:
      "Value ( local-ec2:ssh-port ) for parameter key is invalid. Tag keys starting with 'local-ec2:' are reserved for internal use",
  }
  expect(await refusal(untag(id, [{ Key: 'local-ec2:ssh-port' }]))).toEqual(reserved)
  expect(await refusal(tag(id, { 'local-ec2:ssh-port': '22' }))).toEqual(reserved)
})

test('a resource has room for 50 tags, and one too many changes nothing anywhere', async () => {
  const [full, empty] = [await group('full'), await group('empty')]
  await tag(full, Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`t${n}`, 'old'])))
  expect(await refusal(tag([empty, full], { t0: 'new', more: '' }))).toEqual({
    code: 'TagLimitExceeded',
    status: 400,
    message: 'The maximum number of Tags for a resource has been reached.',
  })
  expect(await filtered(['resource-id', empty])).toEqual([])
  expect(await filtered(['key', 't0'])).toEqual([`${full} security-group t0=old`])
  await tag(full, { t0: 'new' })
  expect(await filtered(['value', 'new'])).toEqual([`${full} security-group t0=new`])
})

test('one resource that is not there, and none is tagged', async () => {
  const id = await group()
  expect(await refusal(tag([id, 'i-0123456789abcdef0'], { a: '1' }))).toEqual({
    code: 'InvalidInstanceID.NotFound',
    status: 400,
    message: "The instance ID 'i-0123456789abcdef0' does not exist",
  })
  expect(await tags()).toEqual([])
})

test.each([
  ['vol-0123456789abcdef0', 'InvalidVolume.NotFound'],
  ['eni-0123456789abcdef0', 'InvalidNetworkInterfaceID.NotFound'],
  ['sg-0123456789abcdef0', 'InvalidGroup.NotFound'],
  ['sgr-0123456789abcdef0', 'InvalidSecurityGroupRuleId.NotFound'],
  ['key-0123456789abcdef0', 'InvalidKeyPair.NotFound'],
  ['vpc-0123456789abcdef0', 'InvalidVpcID.NotFound'],
  ['subnet-0123456789abcdef0', 'InvalidSubnetID.NotFound'],
  ['ami-0123456789abcdef0', 'InvalidAMIID.NotFound'],
])('%s is missed in the words of its kind', async (id, code) => {
  expect(await refusal(tag(id, { a: '1' }))).toMatchObject({ code, status: 400 })
  expect(await refusal(untag(id))).toMatchObject({ code, status: 400 })
})

test.each([
  'i-eCHmOTcEW0OZ9KbNe',
  'i-1',
  'arn:aws:ec2:::instance/i-1',
  'zzz-0123456789abcdef0',
  'toString-01234567',
])('%s is no id of anything', async (id) => {
  const expected = { code: 'InvalidID', status: 400, message: `The ID '${id}' is not valid` }
  expect(await refusal(tag(id, { a: '1' }))).toEqual(expected)
  expect(await refusal(untag(id))).toEqual(expected)
})

test.each<[string, string, string]>([
  [
    'aws:owner',
    'x',
    "Value ( aws:owner ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use",
  ],
  [
    'AWS:owner',
    'x',
    "Value ( AWS:owner ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use",
  ],
  ['', 'x', "Value ( '' ) for parameter Tag key is invalid. Tag key cannot be null or empty."],
  ['k'.repeat(129), 'x', 'Tag key exceeds the maximum length of 128 characters'],
  ['k', 'v'.repeat(257), 'Tag value exceeds the maximum length of 256 characters'],
])('the tag %j=%j is refused', async (key, value, message) => {
  const id = await group()
  const expected = { code: 'InvalidParameterValue', status: 400, message }
  expect(await refusal(tag(id, { [key]: value }))).toEqual(expected)
})

test.each(['aws:owner', 'Aws:owner'])('the tag %s cannot be deleted either', async (Key) => {
  expect(await refusal(untag(await group(), [{ Key }]))).toEqual({
    code: 'InvalidParameterValue',
    status: 400,
    message: `Value ( ${Key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use`,
  })
})

test('a tag may be as long as it may be, whatever its characters', async () => {
  const id = await group()
  const [key, value] = ['😀'.repeat(128), '😀'.repeat(256)]
  await tag(id, { [key]: value })
  expect(await tags()).toEqual([`${id} security-group ${key}=${value}`])
})

test('a tag without a value, and one twice, are refused', async () => {
  const Resources = [await group()]
  const missing = new CreateTagsCommand({ Resources, Tags: [{ Key: 'a' }] })
  const creation = new CreateSecurityGroupCommand({
    GroupName: 'valueless',
    Description: 'made by a test',
    TagSpecifications: [{ ResourceType: 'security-group', Tags: [{ Key: 'a' }] }],
  })
  const missingValue = {
    code: 'InvalidParameterValue',
    status: 400,
    message:
      'Value ( a ) for parameter value is invalid. Tag value cannot be null. Use empty string instead.',
  }
  expect(await refusal(client.send(missing))).toEqual(missingValue)
  expect(await refusal(client.send(creation))).toEqual(missingValue)
  const twice = [
    { Key: 'a', Value: '1' },
    { Key: 'a', Value: '1' },
  ]
  expect(await refusal(client.send(new CreateTagsCommand({ Resources, Tags: twice })))).toEqual({
    code: 'InvalidParameterValue',
    status: 400,
    message: "Duplicate tag key 'a' specified.",
  })
})

test('more than 1,000 resources are refused', async () => {
  const ids = Array.from({ length: 1001 }, (_, n) => `i-${n.toString(16).padStart(17, '0')}`)
  expect(await refusal(tag(ids, { a: '1' }))).toMatchObject({ code: 'ResourceCountExceeded' })
})

test('a machine learns the tags that its instance gets and loses', async () => {
  const [instance] = await run(client)
  const id = instance?.InstanceId ?? ''
  const learnt = () => Object.fromEntries(host.latest.facts?.tags ?? [])
  await tag(id, { role: 'server' })
  expect(learnt()).toEqual({ role: 'server' })
  await untag(id, [{ Key: 'role' }])
  expect(learnt()).toEqual({})
})

test('a terminated instance can still be tagged, and is found by it', async () => {
  const [instance] = await run(client)
  const id = instance?.InstanceId ?? ''
  host.latest.comeUp()
  await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }))
  host.latest.end({ reason: 'unplugged' })
  await expect.poll(async () => (await describeOne(client, id)).State?.Name).toBe('terminated')
  await tag(id, { late: 'yes' })
  const Filters = [{ Name: 'tag:late', Values: ['yes'] }]
  const { Reservations } = await client.send(new DescribeInstancesCommand({ Filters }))
  expect(Reservations?.[0]?.Instances?.[0]?.InstanceId).toBe(id)
  expect(await filtered(['resource-id', id])).toEqual([`${id} instance late=yes`])
})

test('an instance is found by the tags that it has now, not by those that it had', async () => {
  const [instance] = await run(client)
  const id = instance?.InstanceId ?? ''
  const found = async (Name: string, ...Values: string[]): Promise<number> => {
    const command = new DescribeInstancesCommand({ Filters: [{ Name, Values }] })
    return (await client.send(command)).Reservations?.length ?? 0
  }
  await tag(id, { stage: 'one' })
  expect(await found('tag:stage', 'one')).toBe(1)
  await tag(id, { stage: 'two' })
  expect(await found('tag:stage', 'one')).toBe(0)
  expect(await found('tag:stage', 'one', 'two')).toBe(1)
  expect(await found('tag:stage', 't*')).toBe(1)
  expect(await found('tag-key', 'stage')).toBe(1)
  await untag(id)
  expect(await found('tag:stage', '*')).toBe(0)
  expect(await found('tag-key', 'stage')).toBe(0)
})

test.each<[string, [string, ...string[]][], string[]]>([
  ['key', [['key', 'team']], ['a team=x', 'b team=y']],
  ['key with a wildcard', [['key', 'te*']], ['a team=x', 'b team=y']],
  [
    'key and value',
    [
      ['key', 'team'],
      ['value', 'y', 'z'],
    ],
    ['b team=y'],
  ],
  ['value alone', [['value', 'x']], ['a team=x', 'a name=x']],
  ['value with a wildcard', [['value', '?']], ['a team=x', 'a name=x', 'b team=y', 'b name=']],
  ['one tag of a resource, not all of them', [['tag:team', 'x']], ['a team=x']],
  [
    'two tags at once, which no tag is',
    [
      ['tag:team', 'x'],
      ['tag:name', 'x'],
    ],
    [],
  ],
  ['type', [['resource-type', 'security-group']], ['a team=x', 'a name=x', 'b team=y', 'b name=']],
  ['another type', [['resource-type', 'instance', 'vpc-elastic-ip']], []],
  [
    'type with a wildcard',
    [
      ['resource-type', '*-group'],
      ['key', 'name'],
    ],
    ['a name=x', 'b name='],
  ],
  ['no values', [['key']], []],
])('tags are found by %s', async (_, filters, expected) => {
  const ids = { a: await group('a'), b: await group('b') }
  await tag(ids.a, { team: 'x', name: 'x' })
  await tag(ids.b, { team: 'y', name: '' })
  const lines = expected.map((line) => {
    const [name = '', pair] = line.split(' ')
    return `${name === 'a' ? ids.a : ids.b} security-group ${pair}`
  })
  expect((await filtered(...filters)).toSorted()).toEqual(lines.toSorted())
})

test('tags are found by the id of their resource, in whatever order it is asked for', async () => {
  const [a, b] = [await group('a'), await group('b')]
  await tag([a, b], { x: '1' })
  expect(await filtered(['resource-id', b, a, 'sg-none'])).toEqual(
    [a, b].map((id) => `${id} security-group x=1`),
  )
  expect(await filtered(['resource-id', `${b.slice(0, -1)}?`])).toEqual([`${b} security-group x=1`])
})

test.each(['tag-key', 'tag-value', 'resource', 'tags'])(
  'the filter %s, which other calls may have, is refused',
  async (name) => {
    expect(await refusal(filtered([name, 'x']))).toEqual({
      code: 'InvalidParameterValue',
      status: 400,
      message: `The filter '${name}' is invalid`,
    })
  },
)

test('pages end within the tags of a resource, and go on there although some are gone', async () => {
  const ids = [await group('a'), await group('b')]
  const keys = ['k0', 'k1', 'k 2', 'k3', 'k4', 'k5', 'k6']
  await tag(ids, Object.fromEntries(keys.map((key) => [key, ''])))
  const seen: string[][] = []
  for await (const { Tags = [] } of paginateDescribeTags({ client, pageSize: 5 }, {})) {
    seen.push(Tags.map(({ ResourceId, Key }) => `${ids.indexOf(ResourceId ?? '')} ${Key}`))
    if (seen.length === 1) await untag(ids, [{ Key: 'k0' }, { Key: 'k4' }])
  }
  expect(seen).toEqual([
    ['0 k 2', '0 k0', '0 k1', '0 k3', '0 k4'],
    ['0 k5', '0 k6', '1 k 2', '1 k1', '1 k3'],
    ['1 k5', '1 k6'],
  ])
})

test.each([4, 1001])('a page of %d is refused', async (MaxResults) => {
  expect(await refusal(tags({ MaxResults }))).toMatchObject({
    code: 'InvalidParameterValue',
    message: expect.stringContaining(
      `Value ( ${MaxResults} ) for parameter maxResults is invalid.`,
    ),
  })
})

test('a token of other filters is refused', async () => {
  const id = await group()
  await tag(id, Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`t${n}`, ''])))
  const { NextToken } = await client.send(new DescribeTagsCommand({ MaxResults: 5 }))
  expect(await tags({ NextToken })).toHaveLength(4)
  const Filters = [{ Name: 'key', Values: ['t*'] }]
  expect(await refusal(tags({ NextToken, Filters }))).toMatchObject({
    code: 'InvalidPaginationToken',
  })
})

test('a dry run tags and deletes nothing', async () => {
  const id = await group()
  await tag(id, { a: '1' })
  const Tags = [{ Key: 'a', Value: '2' }]
  const input = { Resources: [id], DryRun: true }
  for (const command of [
    new CreateTagsCommand({ ...input, Tags }),
    new DeleteTagsCommand({ ...input, Tags: [{ Key: 'a' }] }),
  ]) {
    const call = command instanceof CreateTagsCommand ? client.send(command) : client.send(command)
    expect(await refusal(call)).toMatchObject({ code: 'DryRunOperation', status: 412 })
  }
  expect(await tags()).toEqual([`${id} security-group a=1`])
})

test('an image is not tagged, and says so', async () => {
  expect(await refusal(tag(await debian(client), { a: '1' }))).toMatchObject({
    code: 'UnsupportedOperation',
  })
})

test('nothing to tag, or nothing to tag with, is refused', async () => {
  const version = 'Version=2016-11-15'
  const call = async (form: string): Promise<string | undefined> => {
    const response = await sendSigned(local, { form: `${form}&${version}` })
    return /<Code>(.*)<\/Code>/.exec(await response.text())?.[1]
  }
  expect(await call('Action=CreateTags&Tag.1.Key=a&Tag.1.Value=b')).toBe('MissingParameter')
  const untagged = `Action=CreateTags&ResourceId.1=${await group()}`
  expect(await call(untagged)).toBe('MissingParameter')
  expect(await call(`${untagged}&Tag=`)).toBe('InvalidParameterValue')
  expect(await call('Action=DeleteTags&Tag.1.Key=a')).toBe('MissingParameter')
  expect(await call('Action=DeleteTags&Tag.1.Key=a&ResourceId=')).toBe('MissingParameter')
})
