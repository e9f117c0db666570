import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../../src/index.ts'
import { Boto3, type ClientError } from './boto3.ts'
import { clientEnvironment } from './client-environment.ts'
import { findPython } from './python.ts'

const python = await findPython()
const objects = new URL('boto3_objects.py', import.meta.url).pathname

async function refusal(
  call: Promise<unknown>,
): Promise<{ code: string; status: number; message: string }> {
  try {
    await call
  } catch (error) {
    const { code, status, message } = error as ClientError
    return { code, status, message }
  }
  throw new Error('the call was not refused')
}

describe.skipIf(!python.command)(`boto3${python.missing}`, () => {
  let local: LocalEc2
  let boto: Boto3
  let image: string
  let group: string
  let ids: string[]

  beforeAll(async () => {
    local = await startLocalEc2({ machine: 'none' })
    boto = new Boto3(python.command, clientEnvironment(local))
  })
  afterAll(async () => {
    await boto?.[Symbol.asyncDispose]()
    await local?.close()
  })

  const named = (name: string) => [
    { ResourceType: 'instance', Tags: [{ Key: 'Name', Value: name }] },
    { ResourceType: 'volume', Tags: [{ Key: 'of', Value: name }] },
  ]

  test('knows who it is', async () => {
    expect(await boto.call('sts', 'get_caller_identity')).toEqual({
      UserId: expect.stringMatching(/^AIDA[A-Z0-9]{17}$/),
      Account: expect.stringMatching(/^\d{12}$/),
      Arn: expect.stringMatching(/^arn:aws:iam::\d{12}:user\/[\w-]+$/),
    })
  })

  test('finds its way through the catalogue', async () => {
    const { Regions } = await boto.ec2('describe_regions')
    expect(Regions).toContainEqual(expect.objectContaining({ RegionName: local.region }))
    const { Images } = await boto.ec2('describe_images', {
      Filters: [
        { Name: 'name', Values: ['ubuntu/images/*ubuntu-noble-24.04-amd64-server-*'] },
        { Name: 'state', Values: ['available'] },
      ],
      Owners: ['099720109477'],
    })
    const newest = Images.toSorted((a: { CreationDate: string }, b: { CreationDate: string }) =>
      b.CreationDate.localeCompare(a.CreationDate),
    )[0]
    expect(newest).toMatchObject({ Architecture: 'x86_64', RootDeviceName: '/dev/sda1' })
    image = newest.ImageId
    const { InstanceTypes } = await boto.ec2('describe_instance_types', {
      InstanceTypes: ['m7i.large', 'c8g.large'],
    })
    expect(InstanceTypes).toHaveLength(2)
    const { InstanceTypeOfferings } = await boto.ec2('describe_instance_type_offerings', {
      Filters: [{ Name: 'instance-type', Values: ['m7i.large'] }],
    })
    expect(InstanceTypeOfferings).toEqual([
      { InstanceType: 'm7i.large', LocationType: 'region', Location: local.region },
    ])
  })

  test('launches five machines of one call with tags, and waits for all of them', async () => {
    const { GroupId } = await boto.ec2('create_security_group', {
      GroupName: 'boto3',
      Description: 'made by boto3',
    })
    group = GroupId
    const { Instances, ReservationId } = await boto.ec2('run_instances', {
      ImageId: image,
      InstanceType: 'm7i.large',
      MinCount: 5,
      MaxCount: 5,
      SecurityGroupIds: [group],
      UserData: '#!/bin/sh\necho ready\n',
      TagSpecifications: named('boto'),
    })
    expect(ReservationId).toMatch(/^r-[0-9a-f]{17}$/)
    ids = Instances.map(({ InstanceId }: { InstanceId: string }) => InstanceId)
    expect(new Set(ids).size).toBe(5)
    await boto.wait('instance_exists', { InstanceIds: ids })
    await boto.wait('instance_running', { InstanceIds: ids })
    await boto.wait('instance_status_ok', { InstanceIds: ids })
    await boto.wait('system_status_ok', { InstanceIds: ids })
    const { UserData } = await boto.ec2('describe_instance_attribute', {
      InstanceId: ids[0],
      Attribute: 'userData',
    })
    expect(Buffer.from(UserData.Value, 'base64').toString()).toBe('#!/bin/sh\necho ready\n')
  })

  test('walks through pages without losing or repeating anything', async () => {
    await boto.ec2('run_instances', {
      ImageId: image,
      InstanceType: 't3.micro',
      MinCount: 7,
      MaxCount: 7,
      TagSpecifications: named('more'),
    })
    const pages = await boto.pages('describe_instances', {}, 5)
    const seen = pages.flatMap(({ Reservations }) =>
      Reservations.flatMap((reservation: { Instances: { InstanceId: string }[] }) =>
        reservation.Instances.map(({ InstanceId }) => InstanceId),
      ),
    )
    expect(pages).toHaveLength(3)
    expect(new Set(seen).size).toBe(12)
    expect(seen).toHaveLength(12)
    expect(seen).toEqual(expect.arrayContaining(ids))

    const tags = await boto.pages('describe_tags', {}, 5)
    expect(tags.map(({ Tags }) => Tags.length)).toEqual([5, 5, 5, 5, 4])
    const volumes = await boto.pages('describe_volumes', {}, 5)
    expect(volumes.flatMap(({ Volumes }) => Volumes)).toHaveLength(12)
    const statuses = await boto.pages('describe_instance_status', {}, 6)
    expect(statuses.map(({ InstanceStatuses }) => InstanceStatuses.length)).toEqual([6, 6])
  })

  test('stops and starts them; a stopped one has no public address and no status', async () => {
    const [one] = ids
    await boto.ec2('stop_instances', { InstanceIds: [one] })
    await boto.wait('instance_stopped', { InstanceIds: [one] })
    const { Reservations } = await boto.ec2('describe_instances', { InstanceIds: [one] })
    expect(Reservations[0].Instances[0]).toMatchObject({
      State: { Code: 80, Name: 'stopped' },
      StateReason: { Code: 'Client.UserInitiatedShutdown' },
      StateTransitionReason: expect.stringMatching(/^User initiated \(.* GMT\)$/),
    })
    expect(Reservations[0].Instances[0]).not.toHaveProperty('PublicIpAddress')
    const status = (all: boolean) =>
      boto.ec2('describe_instance_status', { InstanceIds: [one], IncludeAllInstances: all })
    expect((await status(false)).InstanceStatuses).toEqual([])
    expect((await status(true)).InstanceStatuses).toMatchObject([
      { InstanceState: { Name: 'stopped' }, InstanceStatus: { Status: 'not-applicable' } },
    ])
    await boto.ec2('start_instances', { InstanceIds: [one] })
    await boto.wait('instance_running', { InstanceIds: [one] })
    await boto.ec2('reboot_instances', { InstanceIds: [one] })
  })

  test('changes a stopped machine into another type', async () => {
    const [, one] = ids
    const change = { InstanceId: one, InstanceType: { Value: 'm7i.xlarge' } }
    expect(await refusal(boto.ec2('modify_instance_attribute', change))).toMatchObject({
      code: 'IncorrectInstanceState',
      status: 400,
    })
    await boto.ec2('stop_instances', { InstanceIds: [one] })
    await boto.wait('instance_stopped', { InstanceIds: [one] })
    await boto.ec2('modify_instance_attribute', change)
    await boto.ec2('start_instances', { InstanceIds: [one] })
    await boto.wait('instance_running', { InstanceIds: [one] })
    const { Reservations } = await boto.ec2('describe_instances', {
      Filters: [{ Name: 'instance-type', Values: ['*.xlarge'] }],
    })
    expect(Reservations[0].Instances).toMatchObject([{ InstanceId: one }])
  })

  test.each<[string, string, Record<string, unknown>, number, string]>([
    [
      'InvalidInstanceID.NotFound',
      'terminate_instances',
      { InstanceIds: ['i-0123456789abcdef0'] },
      400,
      "The instance ID 'i-0123456789abcdef0' does not exist",
    ],
    [
      'InvalidInstanceID.Malformed',
      'stop_instances',
      { InstanceIds: ['web-1'] },
      400,
      'Invalid id: "web-1" (expecting "i-...")',
    ],
    [
      'InvalidKeyPair.NotFound',
      'describe_key_pairs',
      { KeyNames: ['absent'] },
      400,
      "The key pair 'absent' does not exist",
    ],
    [
      'DryRunOperation',
      'describe_volumes',
      { DryRun: true },
      412,
      'Request would have succeeded, but DryRun flag is set.',
    ],
    [
      'UnsupportedOperation',
      'describe_fleets',
      {},
      400,
      'DescribeFleets is not implemented by this local endpoint.',
    ],
    [
      'InvalidParameterValue',
      'describe_instances',
      { MaxResults: 1001 },
      400,
      'Value ( 1001 ) for parameter maxResults is invalid. Expecting a value less than or equal to 1000.',
    ],
  ])('raises ClientError %s from %s', async (code, method, args, status, message) => {
    expect(await refusal(boto.ec2(method, args))).toEqual({ code, status, message })
  })

  test('sees a waiter fail at once when its machine is terminated instead', async () => {
    const doomed = ids.slice(2)
    await boto.ec2('terminate_instances', { InstanceIds: doomed })
    await boto.wait('instance_terminated', { InstanceIds: doomed })
    await expect(boto.wait('instance_running', { InstanceIds: doomed })).rejects.toThrow(
      /^WaiterError: Waiter InstanceRunning failed: Waiter encountered a terminal failure state/,
    )
  })

  test('deletes a rule by its id, and a group when nothing uses it any more', async () => {
    const { SecurityGroupRules } = await boto.ec2('authorize_security_group_ingress', {
      GroupId: group,
      IpPermissions: [
        { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '192.0.2.0/24' }] },
        { IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: group }] },
      ],
    })
    const [first, second] = SecurityGroupRules
    await boto.ec2('revoke_security_group_ingress', {
      GroupId: group,
      SecurityGroupRuleIds: [first.SecurityGroupRuleId],
    })
    const { SecurityGroups } = await boto.ec2('describe_security_groups', { GroupIds: [group] })
    expect(SecurityGroups[0].IpPermissions).toMatchObject([
      { IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: group }] },
    ])
    expect(second.ReferencedGroupInfo).toMatchObject({ GroupId: group })
    expect(await refusal(boto.ec2('delete_security_group', { GroupId: group }))).toEqual({
      code: 'DependencyViolation',
      status: 400,
      message: `resource ${group} has a dependent object`,
    })
    const rest = ids.slice(0, 2)
    await boto.ec2('terminate_instances', { InstanceIds: rest })
    await boto.wait('instance_terminated', { InstanceIds: rest })
    await boto.ec2('delete_security_group', { GroupId: group })
    const gone = boto.ec2('describe_security_groups', { GroupIds: [group] })
    expect(await refusal(gone)).toMatchObject({ code: 'InvalidGroup.NotFound' })
  })

  test('drives a whole life through its objects', async () => {
    const { stdout } = await promisify(execFile)(python.command, [objects, image, 'objects'], {
      env: clientEnvironment(local),
    })
    expect(JSON.parse(stdout)).toEqual({
      found: true,
      state: 'running',
      key: 'objects',
      vpc: true,
      default: true,
      groups: ['objects'],
      volumes: [8],
      interfaces: true,
      rules: [22],
      'key begins': '-----BEGIN RSA PRIVATE KEY-----',
      stopped: ['stopped', null],
      terminated: 'terminated',
    })
  })
})
