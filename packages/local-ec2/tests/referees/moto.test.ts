/**
 * The same calls to moto and to this endpoint, and the same answers, where moto is right. Where it is not,
 * AWS's own documentation decides, and each difference is listed with it; one that is no more fails too.
 */
import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateKeyPairCommand,
  CreateSecurityGroupCommand,
  CreateTagsCommand,
  DeleteKeyPairCommand,
  DeleteSecurityGroupCommand,
  DeleteTagsCommand,
  DescribeAvailabilityZonesCommand,
  DescribeImagesCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypesCommand,
  DescribeKeyPairsCommand,
  DescribeNetworkInterfacesCommand,
  DescribeRegionsCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeTagsCommand,
  DescribeVolumesCommand,
  DescribeVpcsCommand,
  type EC2Client,
  GetConsoleOutputCommand,
  ImportKeyPairCommand,
  type InstanceAttributeName,
  type InstanceTypeInfo,
  ModifyInstanceMetadataOptionsCommand,
  paginateDescribeInstanceTypeOfferings,
  paginateDescribeInstanceTypes,
  RebootInstancesCommand,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
  waitUntilInstanceRunning,
  waitUntilInstanceStopped,
  waitUntilInstanceTerminated,
} from '@aws-sdk/client-ec2'
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../../src/index.ts'
import { ec2Client } from '../clients.ts'
import { differences } from './compare.ts'
import { compare, type End, type Expected, type Step } from './differential.ts'
import { type Moto, startMoto } from './moto.ts'
import { findPython } from './python.ts'

const python = await findPython()
const nothing = { unexpected: [], unused: [] }
const absent = '0123456789abcdef0'
const unknownRules =
  'AWS: in a default VPC no error is returned, and the output describes the rules that were not revoked (API_RevokeSecurityGroupIngress)'
const zoneIds =
  'AWS: which zone a name stands for differs from account to account (AZ IDs); only ids can be compared'

describe.skipIf(!python.command)(`as moto${python.missing}`, () => {
  let local: LocalEc2
  let moto: Moto

  beforeAll(async () => {
    local = await startLocalEc2({ machine: 'none' })
    moto = await startMoto(python.command)
  })
  afterAll(async () => {
    await moto?.[Symbol.asyncDispose]()
    await local?.close()
  })

  test('the caller is a user of an account', async () => {
    expect(
      await compare(
        [local, moto],
        { who: ({ sts }) => sts.send(new GetCallerIdentityCommand({})) },
        [
          {
            step: 'who',
            path: 'UserId',
            who: 'both',
            because:
              "AWS: a user's UserId begins with AIDA (IAM identifiers); moto answers an access key id",
          },
          {
            step: 'who',
            path: 'Arn',
            who: 'both',
            because:
              "AWS: a user's ARN is arn:aws:iam::…:user/… (API_GetCallerIdentity); moto says sts",
          },
        ],
      ),
    ).toEqual(nothing)
  })

  test('the default VPC, its subnets, zones and regions', async () => {
    expect(
      await compare(
        [local, moto],
        {
          vpcs: ({ ec2 }) => ec2.send(new DescribeVpcsCommand({})),
          'the default VPC': ({ ec2 }) =>
            ec2.send(
              new DescribeVpcsCommand({ Filters: [{ Name: 'is-default', Values: ['true'] }] }),
            ),
          'no other VPC': ({ ec2 }) =>
            ec2.send(
              new DescribeVpcsCommand({ Filters: [{ Name: 'is-default', Values: ['false'] }] }),
            ),
          subnets: async ({ ec2 }) => {
            const { Subnets = [] } = await ec2.send(
              new DescribeSubnetsCommand({
                Filters: [
                  { Name: 'default-for-az', Values: ['true'] },
                  { Name: 'availability-zone', Values: ['us-east-1a', 'us-east-1b', 'us-east-1c'] },
                ],
              }),
            )
            return { Subnets: sorted(Subnets, ({ AvailabilityZone }) => AvailabilityZone) }
          },
          zones: ({ ec2 }) =>
            ec2.send(
              new DescribeAvailabilityZonesCommand({
                ZoneNames: ['us-east-1a', 'us-east-1b', 'us-east-1c'],
              }),
            ),
          region: ({ ec2 }) =>
            ec2.send(new DescribeRegionsCommand({ RegionNames: ['us-east-1', 'eu-central-1'] })),
        },
        [
          {
            step: 'subnets',
            path: 'Subnets.*.AvailabilityZoneId',
            who: 'both',
            because: zoneIds,
          },
          { step: 'zones', path: 'AvailabilityZones.*.ZoneId', who: 'both', because: zoneIds },
          ...['CidrBlock', 'AvailableIpAddressCount'].map((member): Expected => ({
            step: 'subnets',
            path: `Subnets.*.${member}`,
            who: 'both',
            because:
              'AWS: a /20 in each zone (Default VPC components). Here a quarter of the range that this computer has for machines, whose size is not ours to choose',
          })),
          ...['EnableDns64', 'MapCustomerOwnedIpOnLaunch'].map((member): Expected => ({
            step: 'subnets',
            path: `Subnets.*.${member}`,
            who: 'only ours',
            because: 'AWS: part of every subnet (API_Subnet)',
          })),
          ...['OptInStatus', 'GroupName', 'GroupLongName', 'NetworkBorderGroup'].map(
            (member): Expected => ({
              step: 'zones',
              path: `AvailabilityZones.*.${member}`,
              who: 'only ours',
              because: 'AWS: part of every zone (API_AvailabilityZone)',
            }),
          ),
        ],
      ),
    ).toEqual(nothing)
  })

  test('a dry run that would succeed says so', async () => {
    const DryRun = true
    const image = (end: End) => end.ec2.send(new DescribeImagesCommand({ Filters: linux, DryRun }))
    expect(
      await compare(
        [local, moto],
        {
          DescribeVpcs: ({ ec2 }) => ec2.send(new DescribeVpcsCommand({ DryRun })),
          DescribeInstances: ({ ec2 }) => ec2.send(new DescribeInstancesCommand({ DryRun })),
          DescribeImages: image,
          DescribeSecurityGroups: ({ ec2 }) =>
            ec2.send(new DescribeSecurityGroupsCommand({ DryRun })),
          DescribeVolumes: ({ ec2 }) => ec2.send(new DescribeVolumesCommand({ DryRun })),
          DescribeTags: ({ ec2 }) => ec2.send(new DescribeTagsCommand({ DryRun })),
          CreateKeyPair: ({ ec2 }) =>
            ec2.send(new CreateKeyPairCommand({ KeyName: 'dry', DryRun })),
          CreateSecurityGroup: ({ ec2 }) =>
            ec2.send(
              new CreateSecurityGroupCommand({ GroupName: 'dry', Description: 'dry', DryRun }),
            ),
          RunInstances: async (end) => launch(end, { DryRun }),
        },
        ['DescribeSecurityGroups', 'DescribeVolumes'].flatMap((step): Expected[] => {
          const because =
            'AWS: DryRun answers DryRunOperation or UnauthorizedOperation (common parameters); moto forgot it here'
          return [
            { step, path: 'refused.*', who: 'only ours', because },
            ...(step === 'DescribeVolumes'
              ? []
              : [{ step, path: 'SecurityGroups.*', who: 'only moto' as const, because }]),
          ]
        }),
      ),
    ).toEqual(nothing)
  })

  test('what does not exist is called so by the same code', async () => {
    expect(
      await compare(
        [local, moto],
        {
          'an image': ({ ec2 }) =>
            ec2.send(new DescribeImagesCommand({ ImageIds: [`ami-${absent}`] })),
          'an instance': ({ ec2 }) =>
            ec2.send(new DescribeInstancesCommand({ InstanceIds: [`i-${absent}`] })),
          'an instance to terminate': ({ ec2 }) =>
            ec2.send(new TerminateInstancesCommand({ InstanceIds: [`i-${absent}`] })),
          'an instance to stop': ({ ec2 }) =>
            ec2.send(new StopInstancesCommand({ InstanceIds: [`i-${absent}`] })),
          'an instance to start': ({ ec2 }) =>
            ec2.send(new StartInstancesCommand({ InstanceIds: [`i-${absent}`] })),
          'an instance to reboot': ({ ec2 }) =>
            ec2.send(new RebootInstancesCommand({ InstanceIds: [`i-${absent}`] })),
          'an instance with an attribute': ({ ec2 }) => attribute(ec2, `i-${absent}`, 'userData'),
          'an instance with a console': ({ ec2 }) =>
            ec2.send(new GetConsoleOutputCommand({ InstanceId: `i-${absent}` })),
          'an interface': ({ ec2 }) =>
            ec2.send(
              new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [`eni-${absent}`] }),
            ),
          'a subnet': ({ ec2 }) =>
            ec2.send(new DescribeSubnetsCommand({ SubnetIds: [`subnet-${absent}`] })),
          'a rule': ({ ec2 }) =>
            ec2.send(
              new DescribeSecurityGroupRulesCommand({ SecurityGroupRuleIds: [`sgr-${absent}`] }),
            ),
          'a group to delete': ({ ec2 }) =>
            ec2.send(new DeleteSecurityGroupCommand({ GroupId: `sg-${absent}` })),
          'a group to launch in': (end) => launch(end, { SecurityGroupIds: [`sg-${absent}`] }),
          'one of a set: a VPC': ({ ec2 }) =>
            ec2.send(new DescribeVpcsCommand({ VpcIds: [`vpc-${absent}`] })),
          'one of a set: a volume': ({ ec2 }) =>
            ec2.send(new DescribeVolumesCommand({ VolumeIds: [`vol-${absent}`] })),
          'one of a set: a group': ({ ec2 }) =>
            ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [`sg-${absent}`] })),
          'one of a set: a key pair': ({ ec2 }) =>
            ec2.send(new DescribeKeyPairsCommand({ KeyNames: ['absent'] })),
          'a type': ({ ec2 }) => {
            const command = new DescribeInstanceTypesCommand({})
            Object.assign(command.input, { InstanceTypes: ['m99.huge'] })
            return ec2.send(command)
          },
        },
        [
          {
            step: 'one of a set: *',
            path: 'refused.message',
            who: 'both',
            because: "AWS names the id; moto prints a Python set: {'vpc-…'}",
          },
        ],
      ),
    ).toEqual(nothing)
  })

  test('ids and a page size exclude each other; user-data is base64', async () => {
    expect(
      await compare([local, moto], {
        'ids and a page': ({ ec2 }) =>
          ec2.send(new DescribeInstancesCommand({ InstanceIds: [`i-${absent}`], MaxResults: 5 })),
        'user-data': (end) => launch(end, { UserData: '#!/bin/sh' }),
      }),
    ).toEqual(nothing)
  })

  const publicKey =
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8ZJy2aYk0Jpz0dBr5PjJb8uGkG4Yb0vjU7Zs8oT6mB me@here'

  test('a key pair is made, imported, found, refused twice, and deleted', async () => {
    expect(
      await compare(
        [local, moto],
        {
          'create ed25519': ({ ec2 }) =>
            ec2.send(
              new CreateKeyPairCommand({
                KeyName: 'one',
                KeyType: 'ed25519',
                TagSpecifications: [
                  { ResourceType: 'key-pair', Tags: [{ Key: 'for', Value: 'moto' }] },
                ],
              }),
            ),
          'create RSA': ({ ec2 }) => ec2.send(new CreateKeyPairCommand({ KeyName: 'two' })),
          'create again': ({ ec2 }) => ec2.send(new CreateKeyPairCommand({ KeyName: 'one' })),
          import: ({ ec2 }) =>
            ec2.send(
              new ImportKeyPairCommand({
                KeyName: 'three',
                PublicKeyMaterial: Buffer.from(publicKey),
              }),
            ),
          'import again': ({ ec2 }) =>
            ec2.send(
              new ImportKeyPairCommand({
                KeyName: 'three',
                PublicKeyMaterial: Buffer.from(publicKey),
              }),
            ),
          'import nonsense': ({ ec2 }) =>
            ec2.send(
              new ImportKeyPairCommand({ KeyName: 'four', PublicKeyMaterial: Buffer.from('key') }),
            ),
          'find by tag': ({ ec2 }) =>
            ec2.send(
              new DescribeKeyPairsCommand({ Filters: [{ Name: 'tag:for', Values: ['moto'] }] }),
            ),
          'find by name, with the public key': ({ ec2 }) =>
            ec2.send(new DescribeKeyPairsCommand({ KeyNames: ['one'], IncludePublicKey: true })),
          'find none': ({ ec2 }) =>
            ec2.send(
              new DescribeKeyPairsCommand({ Filters: [{ Name: 'key-name', Values: ['five'] }] }),
            ),
          delete: ({ ec2 }) => ec2.send(new DeleteKeyPairCommand({ KeyName: 'one' })),
          'delete again': ({ ec2 }) => ec2.send(new DeleteKeyPairCommand({ KeyName: 'one' })),
        },
        [
          {
            step: '*',
            path: '*KeyFingerprint',
            who: 'both',
            because:
              'AWS: that of an ed25519 key is what ssh-keygen -l prints, base64 (Verify the fingerprint of your key pair); moto answers hexadecimal',
          },
          {
            step: 'find by name, with the public key',
            path: 'KeyPairs.0.PublicKey',
            who: 'both',
            because:
              'AWS: the public key is followed by the name of the pair (Describe your key pairs)',
          },
          {
            step: 'import nonsense',
            path: 'refused.code',
            who: 'both',
            because: 'AWS: InvalidKey.Format (API error codes)',
          },
        ],
      ),
    ).toEqual(nothing)
  })

  const office = { CidrIp: '203.0.113.0/24', Description: 'office' }
  const ssh = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22 }

  test('a security group is made, opened, described, closed and deleted', async () => {
    const authorize =
      (IpPermissions: object[]): Step =>
      ({ ec2, made }) =>
        ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: made['g'], IpPermissions }))
    const revoke =
      (IpPermissions: object[]): Step =>
      ({ ec2, made }) =>
        ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId: made['g'], IpPermissions }))
    const members = { IpProtocol: 'tcp', FromPort: 0, ToPort: 65_535 }
    const self: Step = ({ ec2, made }) =>
      ec2.send(
        new AuthorizeSecurityGroupIngressCommand({
          GroupId: made['g'],
          IpPermissions: [{ ...members, UserIdGroupPairs: [{ GroupId: made['g'] }] }],
        }),
      )
    const describeGroup: Step = ({ ec2, made }) =>
      ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [made['g'] ?? ''] }))
    const rules: Step = async ({ ec2, made }) => {
      const { SecurityGroupRules = [] } = await ec2.send(
        new DescribeSecurityGroupRulesCommand({
          Filters: [{ Name: 'group-id', Values: [made['g'] ?? ''] }],
        }),
      )
      const place = ({ IsEgress, FromPort, CidrIpv4 }: (typeof SecurityGroupRules)[number]) =>
        `${IsEgress} ${FromPort} ${CidrIpv4}`
      return { SecurityGroupRules: sorted(SecurityGroupRules, place) }
    }
    expect(
      await compare(
        [local, moto],
        {
          create: async ({ ec2, made }) => {
            const answer = await ec2.send(
              new CreateSecurityGroupCommand({
                GroupName: 'moto',
                Description: 'beside moto',
                TagSpecifications: [
                  { ResourceType: 'security-group', Tags: [{ Key: 'for', Value: 'moto' }] },
                ],
              }),
            )
            made['g'] = answer.GroupId ?? ''
            return answer
          },
          'create again': ({ ec2 }) =>
            ec2.send(
              new CreateSecurityGroupCommand({ GroupName: 'moto', Description: 'beside moto' }),
            ),
          authorize: authorize([{ ...ssh, IpRanges: [office, { CidrIp: '10.0.0.0/8' }] }]),
          'authorize again': authorize([{ ...ssh, IpRanges: [office] }]),
          'authorize itself': self,
          'authorize itself again': self,
          'authorize pings': authorize([
            { IpProtocol: 'icmp', FromPort: -1, ToPort: -1, IpRanges: [{ CidrIp: '0.0.0.0/0' }] },
          ]),
          'authorize all of IPv6': authorize([
            { IpProtocol: '-1', Ipv6Ranges: [{ CidrIpv6: '2001:db8::/64' }] },
          ]),
          'authorize nonsense': authorize([{ ...ssh, IpRanges: [{ CidrIp: 'nonsense' }] }]),
          'authorize an absent group': authorize([
            { ...ssh, UserIdGroupPairs: [{ GroupId: `sg-${absent}` }] },
          ]),
          describe: describeGroup,
          'describe rules': rules,
          'find by tag': ({ ec2 }) =>
            ec2.send(
              new DescribeSecurityGroupsCommand({
                Filters: [{ Name: 'tag:for', Values: ['moto'] }],
              }),
            ),
          revoke: revoke([{ ...ssh, IpRanges: [{ CidrIp: '10.0.0.0/8' }] }]),
          'revoke again': revoke([{ ...ssh, IpRanges: [{ CidrIp: '10.0.0.0/8' }] }]),
          'authorize the way out': ({ ec2, made }) =>
            ec2.send(
              new AuthorizeSecurityGroupEgressCommand({
                GroupId: made['g'],
                IpPermissions: [{ ...ssh, IpRanges: [office] }],
              }),
            ),
          'revoke the way out': ({ ec2, made }) =>
            ec2.send(
              new RevokeSecurityGroupEgressCommand({
                GroupId: made['g'],
                IpPermissions: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
              }),
            ),
          'describe what is left': describeGroup,
          delete: ({ ec2, made }) =>
            ec2.send(new DeleteSecurityGroupCommand({ GroupId: made['g'] })),
          'delete again': ({ ec2, made }) =>
            ec2.send(new DeleteSecurityGroupCommand({ GroupId: made['g'] })),
        },
        [
          {
            step: 'create',
            path: 'Tags.*',
            who: 'only ours',
            because:
              'AWS: tagSet, the tags assigned to the security group (API_CreateSecurityGroup)',
          },
          {
            step: 'create again',
            path: 'refused.message',
            who: 'both',
            because: "AWS: The security group '…' already exists for VPC '…'",
          },
          {
            step: '*',
            path: 'SecurityGroupRules.*.GroupOwnerId',
            who: 'only ours',
            because: 'AWS: groupOwnerId (API_SecurityGroupRule, and the example of the call)',
          },
          {
            step: '*',
            path: 'SecurityGroupRules.*.SecurityGroupRuleArn',
            who: 'only ours',
            because: 'AWS: securityGroupRuleArn (API_SecurityGroupRule)',
          },
          {
            step: 'authorize all of IPv6',
            path: 'SecurityGroupRules.0.*Port',
            who: 'only ours',
            because: 'AWS: -1 where a rule has no ports (API_SecurityGroupRule)',
          },
          {
            step: 'authorize*again',
            path: 'refused.message',
            who: 'both',
            because: 'AWS: the specified rule "peer: …" already exists',
          },
          {
            step: 'authorize nonsense',
            path: 'refused.message',
            who: 'both',
            because: 'AWS: CIDR block nonsense is malformed',
          },
          {
            step: 'revoke*',
            path: 'RevokedSecurityGroupRules.*',
            who: 'only ours',
            because: 'AWS: revokedSecurityGroupRuleSet (API_RevokeSecurityGroupIngress, …Egress)',
          },
          ...(['Return', 'UnknownIpPermissions.*'] as const).map((path): Expected => ({
            step: 'revoke again',
            path,
            who: 'only ours',
            because: unknownRules,
          })),
          { step: 'revoke again', path: 'refused.*', who: 'only moto', because: unknownRules },
          ...(['Return', 'GroupId'] as const).map((path): Expected => ({
            step: 'delete',
            path,
            who: 'only ours',
            because: 'AWS: return and groupId (API_DeleteSecurityGroup)',
          })),
        ],
      ),
    ).toEqual(nothing)
  })

  test('an instance is launched, described, stopped, started and terminated', async () => {
    const id = ({ made }: End): string => made['i'] ?? ''
    const ids = (end: End): { InstanceIds: string[] } => ({ InstanceIds: [id(end)] })
    const state: Step = async (end) => {
      const { Reservations } = await end.ec2.send(new DescribeInstancesCommand(ids(end)))
      const { State, StateReason, StateTransitionReason } = Reservations?.[0]?.Instances?.[0] ?? {}
      return { State, StateReason, StateTransitionReason }
    }
    const wait = { maxWaitTime: 10, minDelay: 1, maxDelay: 1 }
    const attributes: InstanceAttributeName[] = [
      'instanceInitiatedShutdownBehavior',
      'userData',
      'instanceType',
      'disableApiTermination',
      'sourceDestCheck',
      'ebsOptimized',
    ]
    expect(
      await compare(
        [local, moto],
        {
          launch: async (end) => {
            const answer = await launch(end, {
              UserData: Buffer.from('#!/bin/sh\n').toString('base64'),
              InstanceInitiatedShutdownBehavior: 'terminate',
              MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2 },
              TagSpecifications: [
                { ResourceType: 'instance', Tags: [{ Key: 'for', Value: 'moto' }] },
                { ResourceType: 'volume', Tags: [{ Key: 'of', Value: 'it' }] },
              ],
            })
            end.made['i'] = answer.Instances?.[0]?.InstanceId ?? ''
            return answer
          },
          describe: ({ ec2, ...end }) =>
            ec2.send(new DescribeInstancesCommand({ InstanceIds: [end.made['i'] ?? ''] })),
          ...Object.fromEntries(
            attributes.map((name) => [name, (end: End) => attribute(end.ec2, id(end), name)]),
          ),
          'tags of its volume': async ({ ec2, made }) => {
            const { Volumes = [] } = await ec2.send(
              new DescribeVolumesCommand({
                Filters: [{ Name: 'attachment.instance-id', Values: [made['i'] ?? ''] }],
              }),
            )
            return { Tags: Volumes.map(({ Tags }) => Tags) }
          },
          'change its metadata options': (end) =>
            end.ec2.send(
              new ModifyInstanceMetadataOptionsCommand({
                InstanceId: id(end),
                HttpTokens: 'optional',
                HttpPutResponseHopLimit: 3,
              }),
            ),
          tag: (end) =>
            end.ec2.send(
              new CreateTagsCommand({ Resources: [id(end)], Tags: [{ Key: 'k', Value: 'v' }] }),
            ),
          tags: (end) =>
            end.ec2.send(
              new DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: [id(end)] }] }),
            ),
          'untag with another value': (end) =>
            end.ec2.send(
              new DeleteTagsCommand({ Resources: [id(end)], Tags: [{ Key: 'k', Value: 'w' }] }),
            ),
          untag: (end) =>
            end.ec2.send(new DeleteTagsCommand({ Resources: [id(end)], Tags: [{ Key: 'for' }] })),
          'tags that are left': (end) =>
            end.ec2.send(
              new DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: [id(end)] }] }),
            ),
          stop: (end) => end.ec2.send(new StopInstancesCommand(ids(end))),
          stopped: async (end) => {
            await waitUntilInstanceStopped({ client: end.ec2, ...wait }, ids(end))
            return state(end)
          },
          start: (end) => end.ec2.send(new StartInstancesCommand(ids(end))),
          started: async (end) => {
            await waitUntilInstanceRunning({ client: end.ec2, ...wait }, ids(end))
            return state(end)
          },
          reboot: (end) => end.ec2.send(new RebootInstancesCommand(ids(end))),
          terminate: (end) => end.ec2.send(new TerminateInstancesCommand(ids(end))),
          terminated: async (end) => {
            await waitUntilInstanceTerminated({ client: end.ec2, ...wait }, ids(end))
            return state(end)
          },
        },
        [
          ...[
            'CapacityReservationSpecification.*',
            'CpuOptions.*',
            'EnaSupport',
            'EnclaveOptions.Enabled',
            'HibernationOptions.Configured',
            'BootMode',
            'MaintenanceOptions.*',
            'Operator.Managed',
            'Placement.AvailabilityZoneId',
            'PlatformDetails',
            'PrivateDnsNameOptions.*',
            'SecurityGroups.0.*',
            'UsageOperation*',
            'NetworkInterfaces.0.PrivateIpAddresses.0.PrivateDnsName',
          ].map((member) => ({
            ...shown(member),
            who: 'only ours' as const,
            because: 'AWS: part of an instance as it is described (API_Instance)',
          })),
          {
            ...shown('NetworkInterfaces.0.*Association.IpOwnerId'),
            who: 'both',
            because:
              'AWS: amazon, unless it is an Elastic IP address (API_InstanceNetworkInterfaceAssociation)',
          },
          {
            ...shown('NetworkInterfaces.0.*Association.PublicDnsName'),
            who: 'both',
            because:
              'AWS: ec2-… is the public name, ip-… the private one (DNS attributes for your VPC)',
          },
          {
            ...shown('NetworkInterfaces.0.Attachment.DeleteOnTermination'),
            who: 'both',
            because:
              'AWS: the primary interface of a launch is deleted with it, unless told otherwise (API_RunInstances)',
          },
          {
            ...shown('NetworkInterfaces.0.Description'),
            who: 'both',
            because: 'AWS: an interface that was launched without a description has none',
          },
          {
            ...shown('*DeviceName'),
            who: 'both',
            because: 'not the same image',
          },
          ...(
            [
              ['PublicDnsName', 'both'],
              ['PublicIpAddress', 'only moto'],
              ['NetworkInterfaces.0.*Association.*', 'only moto'],
              ['BlockDeviceMappings.*', 'only moto'],
            ] as const
          ).map(([member, who]): Expected => ({
            step: 'launch',
            path: `Instances.0.${member}`,
            who,
            because:
              'AWS: a pending instance has no public address and no volume yet (example of run-instances)',
          })),
          {
            ...shown('SriovNetSupport'),
            who: 'only moto',
            because: 'AWS: simple means the Intel 82599 VF, which t3 has not (Enhanced networking)',
          },
          ...(['Code', 'Message'] as const).map((member): Expected => ({
            step: 'launch',
            path: `Instances.0.StateReason.${member}`,
            who: 'both',
            because: 'AWS: pending, and pending (example of API_RunInstances)',
          })),
          ...(['describe', 'started'] as const).map((step): Expected => ({
            step,
            path: '*StateReason.*',
            who: 'only moto',
            because:
              'AWS: the reason of the last state change; a running machine has none, and no empty one',
          })),
          {
            step: 'change its metadata options',
            path: 'InstanceMetadataOptions.State',
            who: 'both',
            because:
              'AWS: pending until it is applied (example of API_ModifyInstanceMetadataOptions)',
          },
          ...(['HttpEndpoint', 'HttpProtocolIpv6', 'InstanceMetadataTags'] as const).map(
            (member): Expected => ({
              step: 'change its metadata options',
              path: `InstanceMetadataOptions.${member}`,
              who: 'only ours',
              because:
                'AWS: all options are answered, changed or not (API_InstanceMetadataOptionsResponse)',
            }),
          ),
        ],
      ),
    ).toEqual(nothing)
  })

  test('every instance type is what it is there, member by member', async () => {
    const all = async (account: LocalEc2 | Moto): Promise<Map<string, InstanceTypeInfo>> => {
      const types = new Map<string, InstanceTypeInfo>()
      const client = ec2Client(account)
      for await (const { InstanceTypes = [] } of paginateDescribeInstanceTypes(
        { client, pageSize: 100 },
        {},
      )) {
        for (const type of InstanceTypes) types.set(type.InstanceType ?? '', type)
      }
      return types
    }
    const [ours, theirs] = await Promise.all([all(local), all(moto)])
    expect(ours.size).toBeGreaterThanOrEqual(60)
    const wrong = [...ours].flatMap(([name, type]) =>
      differences(type, theirs.get(name)).map((difference) => ({ name, ...difference })),
    )
    expect(wrong).toEqual([])
  })

  test('every type is offered where it is offered there', async () => {
    const offerings = async (
      account: LocalEc2 | Moto,
      LocationType: 'region' | 'availability-zone-id',
    ) => {
      const found: string[] = []
      const config = { client: ec2Client(account), pageSize: 1000 }
      for await (const page of paginateDescribeInstanceTypeOfferings(config, { LocationType })) {
        for (const { InstanceType, Location } of page.InstanceTypeOfferings ?? []) {
          found.push(`${InstanceType} in ${Location}`)
        }
      }
      return found
    }
    const { AvailabilityZones = [] } = await ec2Client(local).send(
      new DescribeAvailabilityZonesCommand({}),
    )
    const places = [local.region, ...AvailabilityZones.map(({ ZoneId }) => ZoneId)]
    for (const kind of ['region', 'availability-zone-id'] as const) {
      // oxlint-disable-next-line no-await-in-loop -- both at once are too much for moto
      const [ours, theirs] = await Promise.all([offerings(local, kind), offerings(moto, kind)])
      const types = new Set(ours.map((line) => line.split(' in ')[0]))
      const comparable = theirs.filter((line) => {
        const [type, place] = line.split(' in ')
        return types.has(type) && places.includes(place)
      })
      expect(ours.toSorted()).toEqual(comparable.toSorted())
    }
  })
})

const linux = [
  { Name: 'architecture', Values: ['x86_64'] },
  { Name: 'root-device-type', Values: ['ebs'] },
]

/** A t3.micro with the first Linux that there is. */
async function launch({ ec2 }: End, input: Partial<RunInstancesCommandInput>) {
  const { Images = [] } = await ec2.send(new DescribeImagesCommand({ Filters: linux }))
  const ImageId = Images.find(({ Platform }) => Platform === undefined)?.ImageId
  return ec2.send(
    new RunInstancesCommand({
      ImageId,
      InstanceType: 't3.micro',
      MinCount: 1,
      MaxCount: 1,
      ...input,
    }),
  )
}

/** A member of an instance, as RunInstances and DescribeInstances answer it. */
function shown(member: string): Pick<Expected, 'step' | 'path'> {
  return { step: '*', path: `*Instances.0.${member}` }
}

function attribute(ec2: EC2Client, InstanceId: string, Attribute: InstanceAttributeName) {
  return ec2.send(new DescribeInstanceAttributeCommand({ InstanceId, Attribute }))
}

function sorted<T>(items: T[], key: (item: T) => string | undefined): T[] {
  return items.toSorted((a, b) => (key(a) ?? '').localeCompare(key(b) ?? ''))
}
