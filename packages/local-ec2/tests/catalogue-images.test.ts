import {
  DescribeImagesCommand,
  type DescribeImagesCommandInput,
  DescribeInstancesCommand,
  type EC2Client,
  type Image,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../src/index.ts'
import { ec2Client, refusal } from './clients.ts'

let local: LocalEc2
let client: EC2Client

beforeAll(async () => {
  local = await startLocalEc2({ machine: 'none' })
  client = ec2Client(local)
})
afterAll(() => local.close())

const debian = '136693071363'
const canonical = '099720109477'
const amazon = '137112412989'

async function images(input: DescribeImagesCommandInput = {}): Promise<Image[]> {
  const { Images = [] } = await client.send(new DescribeImagesCommand(input))
  return Images
}

async function named(name: string, input: DescribeImagesCommandInput = {}): Promise<Image[]> {
  return images({ ...input, Filters: [{ Name: 'name', Values: [name] }] })
}

async function names(input: DescribeImagesCommandInput): Promise<string[]> {
  return (await images(input)).map(({ Name = '' }) => Name)
}

async function only(name: string): Promise<Image & { ImageId: string }> {
  const [image, ...others] = await named(name, { IncludeDeprecated: true })
  if (image?.ImageId === undefined || others.length > 0) throw new Error(`not one image ${name}`)
  return { ...image, ImageId: image.ImageId }
}

test('Amazon Linux says all that AWS says of it, IMDSv2 first of all', async () => {
  const image = await only('al2023-ami-2023.12.20260930.0-kernel-6.18-x86_64')
  expect(image).toEqual({
    ImageId: expect.stringMatching(/^ami-0[0-9a-f]{16}$/),
    Name: 'al2023-ami-2023.12.20260930.0-kernel-6.18-x86_64',
    Description: 'Amazon Linux 2023 AMI 2023.12.20260930.0 x86_64 HVM kernel-6.18',
    ImageLocation: 'amazon/al2023-ami-2023.12.20260930.0-kernel-6.18-x86_64',
    ImageOwnerAlias: 'amazon',
    OwnerId: amazon,
    Public: true,
    ImageType: 'machine',
    State: 'available',
    Architecture: 'x86_64',
    BootMode: 'uefi-preferred',
    CreationDate: '2026-09-30T06:00:00.000Z',
    RootDeviceName: '/dev/xvda',
    RootDeviceType: 'ebs',
    BlockDeviceMappings: [
      {
        DeviceName: '/dev/xvda',
        Ebs: {
          DeleteOnTermination: true,
          Encrypted: false,
          SnapshotId: expect.stringMatching(/^snap-0[0-9a-f]{16}$/),
          VolumeSize: 8,
          VolumeType: 'gp3',
          Iops: 3000,
          Throughput: 125,
        },
      },
    ],
    EnaSupport: true,
    SriovNetSupport: 'simple',
    ImdsSupport: 'v2.0',
    Hypervisor: 'xen',
    VirtualizationType: 'hvm',
    PlatformDetails: 'Linux/UNIX',
    UsageOperation: 'RunInstances',
    FreeTierEligible: true,
    PublicSsmParameterName: 'aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64',
  })
})

test('Ubuntu names two disks that nothing has any more', async () => {
  const { BlockDeviceMappings, OwnerId, BootMode, RootDeviceName } = await only(
    'ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-arm64-server-20260731',
  )
  expect({ OwnerId, BootMode, RootDeviceName }).toEqual({
    OwnerId: canonical,
    BootMode: 'uefi',
    RootDeviceName: '/dev/sda1',
  })
  expect(BlockDeviceMappings).toEqual([
    {
      DeviceName: '/dev/sda1',
      Ebs: {
        DeleteOnTermination: true,
        Encrypted: false,
        SnapshotId: expect.stringMatching(/^snap-0[0-9a-f]{16}$/),
        VolumeSize: 8,
        VolumeType: 'gp2',
      },
    },
    { DeviceName: '/dev/sdb', VirtualName: 'ephemeral0' },
    { DeviceName: '/dev/sdc', VirtualName: 'ephemeral1' },
  ])
})

test('the newest Debian is found as people look for it', async () => {
  const found = await images({
    Owners: [debian],
    Filters: [
      { Name: 'name', Values: ['debian-12-arm64-*'] },
      { Name: 'architecture', Values: ['arm64'] },
      { Name: 'state', Values: ['available'] },
      { Name: 'root-device-type', Values: ['ebs'] },
    ],
  })
  const newest = found.toSorted((a, b) =>
    (a.CreationDate ?? '').localeCompare(b.CreationDate ?? ''),
  )
  expect(newest.at(-1)).toMatchObject({
    Name: 'debian-12-arm64-20261006-2623',
    RootDeviceName: '/dev/xvda',
    OwnerId: debian,
  })
})

test('a careless pattern finds backports and minimal images too', async () => {
  expect(await names({ Filters: [{ Name: 'name', Values: ['debian-13-*amd64-2026*'] }] })).toEqual([
    'debian-13-amd64-20260914-2601',
    'debian-13-backports-amd64-20260914-2601',
  ])
  expect(await named('*ubuntu-noble-24.04-amd64-*')).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ Description: 'Canonical, Ubuntu, 24.04, amd64 noble image' }),
      expect.objectContaining({
        Description: 'Canonical, Ubuntu Minimal, 24.04, amd64 noble image',
      }),
    ]),
  )
})

test.each([
  [{ Owners: [canonical] }, /^ubuntu(-minimal)?\/images\//],
  [{ Owners: [amazon] }, /^al2023-ami-/],
  [{ Owners: [debian, amazon] }, /^(debian|al2023)-/],
  [{ Owners: ['amazon'], ExecutableUsers: ['all'] }, /^(debian-|al2023-|ubuntu)/],
])('images of %j', async (input, name) => {
  const found = await names(input)
  expect(found.length).toBeGreaterThan(5)
  for (const text of found) expect(text).toMatch(name)
})

test.each([
  { Owners: ['self'] },
  { Owners: ['aws-marketplace'] },
  { Owners: ['123456789012'] },
  { ExecutableUsers: ['self'] },
  { ExecutableUsers: ['123456789012'] },
])('nobody made or shared an image: %j', async (input) => {
  expect(await names(input)).toEqual([])
})

test.each([
  [{ Owners: ['canonical'] }, 'canonical'],
  [{ ExecutableUsers: ['amazon'] }, 'amazon'],
])('an account is a number or a known alias: %j', async (input, bad) => {
  expect(await refusal(images(input))).toEqual({
    code: 'InvalidUserID.Malformed',
    status: 400,
    message: `Invalid user id: "${bad}"`,
  })
})

test('a deprecated image is left out unless it is asked for, by name or by id', async () => {
  const old = 'debian-12-amd64-20230711-1438'
  expect(await named(old)).toEqual([])
  const { ImageId, DeprecationTime } = await only(old)
  expect(DeprecationTime).toBe('2025-07-10T06:00:00.000Z')
  expect((await images({ ImageIds: [ImageId] })).map(({ Name }) => Name)).toEqual([old])
})

test('the newest build of everything is there however old the catalogue gets', async () => {
  const visible = await images()
  const all = await images({ IncludeDeprecated: true, IncludeDisabled: true })
  expect(visible.length).toBeLessThan(all.length)
  const product = ({ Name = '' }: Image): string => Name.replace(/(2023\.\d+\.)?\d{8}[-.\d]*/, '')
  expect(new Set(visible.map(product))).toEqual(new Set(all.map(product)))
})

test.each<[string, string, string[]]>([
  ['boot-mode', 'uefi', ['arm64']],
  ['boot-mode', 'uefi-preferred', ['x86_64']],
  ['block-device-mapping.volume-type', 'gp2', ['arm64', 'x86_64']],
  ['block-device-mapping.device-name', '/dev/sdc', ['arm64', 'x86_64']],
  ['creation-date', '2026-10-06T*', ['arm64', 'x86_64']],
  ['description', 'Debian 13 (*)', ['arm64', 'x86_64']],
  ['manifest-location', 'amazon/*-arm64-*', ['arm64']],
  ['owner-alias', 'amazon', ['arm64', 'x86_64']],
  ['platform', '*', []],
  ['source-instance-id', '*', []],
  ['is-public', 'false', []],
])('images whose %s is %s', async (Name, value, architectures) => {
  const found = await images({ Filters: [{ Name, Values: [value] }] })
  expect([...new Set(found.map(({ Architecture = '' }) => Architecture))].toSorted()).toEqual(
    architectures,
  )
})

test('a public parameter leads to all images that it has ever held', async () => {
  const parameter = 'aws/service/debian/release/trixie/latest/arm64'
  const Filters = [{ Name: 'public-ssm-parameter-name', Values: [parameter] }]
  const held = await images({ Filters, IncludeDeprecated: true })
  expect(held.map(({ Name, PublicSsmParameterName }) => [Name, PublicSsmParameterName])).toEqual([
    ['debian-13-arm64-20250814-2204', undefined],
    ['debian-13-arm64-20251117-2299', undefined],
    ['debian-13-arm64-20260914-2601', parameter],
  ])
})

test.each(['image-allowed', 'scan-result.finding-scan-date', 'imds-support'])(
  'a filter %s, which nothing here could answer, is refused',
  async (Name) => {
    expect(await refusal(images({ Filters: [{ Name, Values: ['true'] }] }))).toEqual({
      code: 'InvalidParameterValue',
      status: 400,
      message: `The filter '${Name}' is invalid`,
    })
  },
)

test('images come in pages, each once', async () => {
  const paged: (string | undefined)[] = []
  let NextToken: string | undefined
  do {
    const page = await client.send(new DescribeImagesCommand({ MaxResults: 7, NextToken }))
    expect(page.Images?.length).toBeLessThanOrEqual(7)
    paged.push(...(page.Images?.map(({ Name }) => Name) ?? []))
    NextToken = page.NextToken
  } while (NextToken !== undefined)
  expect(paged).toEqual(await names({}))
})

async function launched(parameter: string, type: string): Promise<Image | undefined> {
  const { Instances = [] } = await client.send(
    new RunInstancesCommand({
      ImageId: `resolve:ssm:${parameter}`,
      InstanceType: type === 'arm64' ? 'c8g.large' : 'c7i.large',
      MinCount: 1,
      MaxCount: 1,
    }),
  )
  const { Reservations = [] } = await client.send(
    new DescribeInstancesCommand({ InstanceIds: [Instances[0]?.InstanceId ?? ''] }),
  )
  const ImageId = Reservations[0]?.Instances?.[0]?.ImageId ?? ''
  return (await images({ ImageIds: [ImageId] }))[0]
}

test.each([
  ['debian/release/12/latest/amd64', 'debian-12-amd64-20261006-2623'],
  ['debian/release/trixie/latest/arm64', 'debian-13-arm64-20260914-2601'],
  [
    'canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id',
    'ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260923',
  ],
  [
    'canonical/ubuntu/server/jammy/stable/current/arm64/hvm/ebs-gp2/ami-id',
    'ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-arm64-server-20260731',
  ],
  [
    'canonical/ubuntu/server-minimal/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id',
    'ubuntu-minimal/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-minimal-20260313',
  ],
  [
    'ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64',
    'al2023-ami-2023.12.20260930.0-kernel-6.18-x86_64',
  ],
  [
    'ami-amazon-linux-latest/al2023-ami-minimal-kernel-6.1-arm64',
    'al2023-ami-minimal-2023.12.20260930.0-kernel-6.1-arm64',
  ],
])('resolve:ssm:/aws/service/%s launches the newest %s', async (parameter, name) => {
  const architecture = name.includes('arm64') ? 'arm64' : 'x86_64'
  expect(await launched(`/aws/service/${parameter}`, architecture)).toMatchObject({
    Name: name,
    Architecture: architecture,
  })
})

test('a version of a parameter is an older build, and an ARN means the same as its name', async () => {
  const name = '/aws/service/debian/release/13/latest/amd64'
  const arn = `arn:aws:ssm:us-east-1::parameter${name}`
  expect(await launched(`${name}:1`, 'x86_64')).toMatchObject({
    Name: 'debian-13-amd64-20250814-2204',
  })
  expect(await launched(`${arn}:2`, 'x86_64')).toMatchObject({
    Name: 'debian-13-amd64-20251117-2299',
  })
  expect(await launched(arn, 'x86_64')).toMatchObject({ Name: 'debian-13-amd64-20260914-2601' })
})

test.each([
  'my-parameter',
  '/aws/service/debian/release/99/latest/amd64',
  '/aws/service/debian/release/13/latest',
  '/aws/service/debian/release/13/latest/amd64:0',
  '/aws/service/debian/release/13/latest/amd64:4',
  '/aws/service/debian/release/13/latest/amd64:production',
  '/aws/service/canonical/ubuntu/server/22.04/stable/current/amd64/hvm/ebs-gp3/ami-id',
  'arn:aws:ssm:us-east-1:123456789012:parameter/aws/service/debian/release/13/latest/amd64',
  '',
])('there is no parameter %j', async (parameter) => {
  expect(await refusal(launched(parameter, 'x86_64'))).toEqual({
    code: 'SsmInvalidParameter',
    status: 400,
    message: `The following aliases are invalid: [${parameter}]`,
  })
})

test('what a launch resolves is no id of an image elsewhere', async () => {
  const id = 'resolve:ssm:/aws/service/debian/release/13/latest/amd64'
  expect(await refusal(images({ ImageIds: [id] }))).toEqual({
    code: 'InvalidAMIID.Malformed',
    status: 400,
    message: `Invalid id: "${id}" (expecting "ami-...")`,
  })
})

test('an image of another owner than asked for is left out, one that does not exist is refused', async () => {
  const { ImageId } = await only('debian-13-amd64-20260914-2601')
  expect(await images({ ImageIds: [ImageId], Owners: [canonical] })).toEqual([])
  const missing = ['ami-0123456789abcdef0', 'ami-0123456789abcdef1']
  expect(await refusal(images({ ImageIds: [ImageId, ...missing] }))).toEqual({
    code: 'InvalidAMIID.NotFound',
    status: 400,
    message: `The image ids '[${missing.join(', ')}]' do not exist`,
  })
})
