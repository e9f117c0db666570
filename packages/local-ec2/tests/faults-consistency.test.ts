import {
  AuthorizeSecurityGroupIngressCommand,
  CreateKeyPairCommand,
  CreateSecurityGroupCommand,
  CreateTagsCommand,
  DeleteKeyPairCommand,
  DeleteTagsCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypesCommand,
  DescribeKeyPairsCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeTagsCommand,
  DescribeVolumesCommand,
  type EC2Client,
  paginateDescribeInstances,
} from '@aws-sdk/client-ec2'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../src/index.ts'
import { describeOne, ec2Client, refusal, run } from './clients.ts'

let local: LocalEc2
let ec2: EC2Client

beforeAll(async () => {
  local = await startLocalEc2({ machine: 'none' })
  ec2 = ec2Client(local)
})
afterEach(() => {
  local.faults.clear()
  vi.useRealTimers()
})
afterAll(() => local.close())

/** The time of the endpoint and of its client. */
function holdTime(): (ms: number) => void {
  vi.useFakeTimers({ toFake: ['Date'] })
  return (ms) => vi.setSystemTime(Date.now() + ms)
}

describe('visibility lag', () => {
  test('an instance is not found by its id and in no list until then, with all that belongs to it', async () => {
    const pass = holdTime()
    const fault = local.faults.add({ visibilityLagMs: 90_000, action: 'RunInstances' })
    const [launched] = await run(ec2)
    const id = launched?.InstanceId ?? ''
    expect(launched?.State?.Name).toBe('pending')
    expect(fault.strikes).toBe(1)

    const found = async (): Promise<number[]> => {
      const instances = await ec2.send(
        new DescribeInstancesCommand({ Filters: [{ Name: 'instance-id', Values: [id] }] }),
      )
      const Filters = [{ Name: 'attachment.instance-id', Values: [id] }]
      const volumes = await ec2.send(new DescribeVolumesCommand({ Filters }))
      const interfaces = await ec2.send(new DescribeNetworkInterfacesCommand({ Filters }))
      return [instances.Reservations, volumes.Volumes, interfaces.NetworkInterfaces].map(
        (list = []) => list.length,
      )
    }
    expect(await refusal(describeOne(ec2, id))).toEqual({
      code: 'InvalidInstanceID.NotFound',
      status: 400,
      message: `The instance ID '${id}' does not exist`,
    })
    expect(await found()).toEqual([0, 0, 0])
    pass(89_999)
    expect(await refusal(describeOne(ec2, id))).toMatchObject({
      code: 'InvalidInstanceID.NotFound',
    })
    pass(1)
    expect((await describeOne(ec2, id)).InstanceId).toBe(id)
    expect(await found()).toEqual([1, 1, 1])
  })

  test('a repeated launch with the same token is answered with the instance that nobody sees yet', async () => {
    holdTime()
    local.faults.add({ visibilityLagMs: 90_000 })
    const [first] = await run(ec2, { ClientToken: 'not-seen-yet' })
    const [second] = await run(ec2, { ClientToken: 'not-seen-yet' })
    expect(second?.InstanceId).toBe(first?.InstanceId)
  })

  test('of one type leaves the others alone', async () => {
    holdTime()
    local.faults.add({ visibilityLagMs: 90_000, of: 'volume' })
    const [launched] = await run(ec2)
    const { BlockDeviceMappings = [] } = await describeOne(ec2, launched?.InstanceId ?? '')
    const id = BlockDeviceMappings[0]?.Ebs?.VolumeId ?? ''
    expect(await refusal(ec2.send(new DescribeVolumesCommand({ VolumeIds: [id] })))).toMatchObject({
      code: 'InvalidVolume.NotFound',
    })
  })

  test('a group that nobody sees yet cannot be changed, but its name is taken', async () => {
    const pass = holdTime()
    local.faults.add({ visibilityLagMs: 5000, action: 'CreateSecurityGroup' })
    const create = (): Promise<{ GroupId?: string | undefined }> =>
      ec2.send(new CreateSecurityGroupCommand({ GroupName: 'new', Description: 'new' }))
    const { GroupId } = await create()
    const authorize = (): Promise<unknown> =>
      ec2.send(
        new AuthorizeSecurityGroupIngressCommand({
          GroupId,
          IpProtocol: 'tcp',
          FromPort: 22,
          ToPort: 22,
          CidrIp: '127.0.0.1/32',
        }),
      )
    expect(await refusal(authorize())).toEqual({
      code: 'InvalidGroup.NotFound',
      status: 400,
      message: `The security group '${GroupId}' does not exist`,
    })
    expect(await refusal(create())).toMatchObject({ code: 'InvalidGroup.Duplicate' })
    pass(5000)
    await authorize()
  })

  test('a rule that nobody sees yet is not among those of its group either', async () => {
    const pass = holdTime()
    const { GroupId } = await ec2.send(
      new CreateSecurityGroupCommand({ GroupName: 'ruled', Description: 'ruled' }),
    )
    local.faults.add({ visibilityLagMs: 5000 })
    const rule = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, CidrIp: '192.0.2.0/24' }
    await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, ...rule }))
    const found = async (): Promise<number[]> => {
      const groups = await ec2.send(
        new DescribeSecurityGroupsCommand({ GroupIds: GroupId === undefined ? [] : [GroupId] }),
      )
      const Filters = [{ Name: 'ip-permission.cidr', Values: [rule.CidrIp] }]
      const byRule = await ec2.send(new DescribeSecurityGroupsCommand({ Filters }))
      return [groups.SecurityGroups?.[0]?.IpPermissions, byRule.SecurityGroups].map(
        (list = []) => list.length,
      )
    }
    expect(await found()).toEqual([0, 0])
    pass(5000)
    expect(await found()).toEqual([1, 1])
  })

  test('a key pair that nobody sees yet is not deleted, by its name or by its id', async () => {
    const pass = holdTime()
    local.faults.add({ visibilityLagMs: 5000, action: 'CreateKeyPair' })
    const { KeyPairId } = await ec2.send(
      new CreateKeyPairCommand({ KeyName: 'unseen', KeyType: 'ed25519' }),
    )
    for (const input of [{ KeyName: 'unseen' }, { KeyPairId }]) {
      const answer = await ec2.send(new DeleteKeyPairCommand(input))
      expect(answer.KeyPairId).toBeUndefined()
    }
    pass(5000)
    const { KeyPairs } = await ec2.send(new DescribeKeyPairsCommand({ KeyNames: ['unseen'] }))
    expect(KeyPairs).toMatchObject([{ KeyPairId }])
  })
})

describe('several at once', () => {
  test('each type of resource is hidden for as long as the fault for it says', async () => {
    const pass = holdTime()
    local.faults.add({ visibilityLagMs: 9000, of: 'volume' })
    local.faults.add({ visibilityLagMs: 5000, of: ['instance', 'volume'] })
    const [launched] = await run(ec2)
    const id = launched?.InstanceId ?? ''
    const Filters = [{ Name: 'attachment.instance-id', Values: [id] }]
    const volumes = async (): Promise<number | undefined> =>
      (await ec2.send(new DescribeVolumesCommand({ Filters }))).Volumes?.length
    expect(await refusal(describeOne(ec2, id))).toMatchObject({
      code: 'InvalidInstanceID.NotFound',
    })
    pass(5000)
    await describeOne(ec2, id)
    expect(await volumes()).toBe(0)
    pass(4000)
    expect(await volumes()).toBe(1)
  })

  test('of two tag lags the longer one counts, and of two page sizes the smaller', async () => {
    const pass = holdTime()
    local.faults.add({ tagLagMs: 9000 })
    local.faults.add({ tagLagMs: 5000 })
    local.faults.add({ pageSize: 2 })
    local.faults.add({ pageSize: 3 })
    const [launched] = await run(ec2, {
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'run', Value: '2' }] }],
    })
    const id = launched?.InstanceId ?? ''
    pass(5000)
    expect((await describeOne(ec2, id)).Tags).toEqual([])
    pass(4000)
    expect((await describeOne(ec2, id)).Tags).toHaveLength(1)
    const { InstanceTypes } = await ec2.send(new DescribeInstanceTypesCommand({}))
    expect(InstanceTypes).toHaveLength(2)
  })
})

describe('tag lag', () => {
  async function groupTags(GroupId: string): Promise<unknown> {
    const { SecurityGroups = [] } = await ec2.send(
      new DescribeSecurityGroupsCommand({ GroupIds: [GroupId] }),
    )
    const { Tags = [] } = await ec2.send(
      new DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: [GroupId] }] }),
    )
    const shown = SecurityGroups[0]?.Tags ?? []
    expect(Tags.map(({ Key, Value }) => ({ Key, Value }))).toEqual(shown)
    return Object.fromEntries(shown.map(({ Key = '', Value }) => [Key, Value]))
  }

  async function foundBy(key: string, value: string): Promise<number> {
    const { SecurityGroups = [] } = await ec2.send(
      new DescribeSecurityGroupsCommand({ Filters: [{ Name: `tag:${key}`, Values: [value] }] }),
    )
    return SecurityGroups.length
  }

  test('each change is seen when its time has come, in answers and in filters', async () => {
    const pass = holdTime()
    local.faults.add({ tagLagMs: 10_000 })
    const { GroupId = '', Tags } = await ec2.send(
      new CreateSecurityGroupCommand({
        GroupName: 'tagged',
        Description: 'tagged',
        TagSpecifications: [
          { ResourceType: 'security-group', Tags: [{ Key: 'color', Value: 'red' }] },
        ],
      }),
    )
    expect(Tags).toEqual([{ Key: 'color', Value: 'red' }])
    expect(await groupTags(GroupId)).toEqual({})
    expect(await foundBy('color', 'red')).toBe(0)
    pass(4000)
    await ec2.send(
      new CreateTagsCommand({ Resources: [GroupId], Tags: [{ Key: 'color', Value: 'blue' }] }),
    )
    pass(4000)
    await ec2.send(new DeleteTagsCommand({ Resources: [GroupId], Tags: [{ Key: 'color' }] }))
    expect(await groupTags(GroupId)).toEqual({})
    pass(2000)
    expect(await groupTags(GroupId)).toEqual({ color: 'red' })
    expect(await foundBy('color', 'red')).toBe(1)
    expect(await foundBy('color', 'blue')).toBe(0)
    pass(4000)
    expect(await groupTags(GroupId)).toEqual({ color: 'blue' })
    expect([await foundBy('color', 'red'), await foundBy('color', 'blue')]).toEqual([0, 1])
    pass(4000)
    expect(await groupTags(GroupId)).toEqual({})
    expect(await foundBy('color', 'blue')).toBe(0)
  })

  test('an instance is there before its tags are, except in the answer to its launch', async () => {
    const pass = holdTime()
    const fault = local.faults.add({ tagLagMs: 10_000, action: 'RunInstances' })
    const tags = [{ Key: 'run', Value: '1' }]
    const [launched] = await run(ec2, {
      TagSpecifications: [{ ResourceType: 'instance', Tags: tags }],
    })
    const id = launched?.InstanceId ?? ''
    expect(launched?.Tags).toEqual(tags)
    expect((await describeOne(ec2, id)).Tags).toEqual([])
    expect(fault.strikes).toBe(1)
    pass(10_000)
    expect((await describeOne(ec2, id)).Tags).toEqual(tags)
  })
})

describe('small pages', () => {
  test('come without being asked for, and the SDK’s paginator follows them to the end', async () => {
    await using other = await startLocalEc2({
      machine: 'none',
      faults: [{ pageSize: 5, action: 'DescribeInstances' }],
    })
    const client = ec2Client(other)
    const launched = await run(client, { MinCount: 12, MaxCount: 12 })
    const pages: number[] = []
    const ids: (string | undefined)[] = []
    for await (const { Reservations = [] } of paginateDescribeInstances({ client }, {})) {
      const instances = Reservations.flatMap(({ Instances = [] }) => Instances)
      pages.push(instances.length)
      ids.push(...instances.map(({ InstanceId }) => InstanceId))
    }
    expect(pages).toEqual([5, 5, 2])
    expect(ids).toEqual(launched.map(({ InstanceId }) => InstanceId))
  })

  test('are smaller than asked for, and leave alone what cannot be continued by a token', async () => {
    local.faults.add({ pageSize: 2 })
    const launched = await run(ec2, { MinCount: 3, MaxCount: 3 })
    const ids = launched.map(({ InstanceId }) => InstanceId)
    const whole = await ec2.send(new DescribeInstancesCommand({ InstanceIds: ids }))
    expect(whole.Reservations?.[0]?.Instances).toHaveLength(3)
    expect(whole.NextToken).toBeUndefined()
    const types = await ec2.send(new DescribeInstanceTypesCommand({ MaxResults: 50 }))
    expect(types.InstanceTypes).toHaveLength(2)
    expect(types.NextToken).toBeDefined()
  })
})
