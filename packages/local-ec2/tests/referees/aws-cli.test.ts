import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../../src/index.ts'
import { AwsCli, words } from './aws-cli.ts'
import { clientEnvironment } from './client-environment.ts'
import { findPython } from './python.ts'

const python = await findPython()
const run = promisify(execFile)

// Every command starts a Python: one to two seconds on a busy computer.
describe.skipIf(!python.command)(
  `the aws command line${python.missing}`,
  { timeout: 180_000 },
  () => {
    let folder: string
    let local: LocalEc2
    let aws: AwsCli
    let image: string
    let group: string
    let id: string
    const file = (name: string): string => join(folder, name)
    const state = (): Promise<string> =>
      aws.word`describe-instances --instance-ids ${id} --query Reservations[].Instances[].State.Name`

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'aws-cli-'))
      local = await startLocalEc2({ machine: 'none' })
      aws = new AwsCli(python.command, clientEnvironment(local))
    })
    afterAll(async () => {
      await local?.close()
      await rm(folder, { recursive: true, force: true })
    })

    test('knows who it is', async () => {
      expect(await aws.sts`get-caller-identity`).toEqual({
        UserId: expect.stringMatching(/^AIDA[A-Z0-9]{17}$/),
        Account: '000000000000',
        Arn: 'arn:aws:iam::000000000000:user/local',
      })
    })

    test('finds the region, its zones, an image, a type and where that is offered', async () => {
      const [regions, zones, images, types, offerings] = await Promise.all([
        aws.word`describe-regions --region-names ${local.region} --query Regions[].RegionName`,
        aws.ec2`describe-availability-zones --query AvailabilityZones[?State=='available'].ZoneName`,
        aws.ec2`describe-images --owners 136693071363 --filters Name=name,Values=debian-13-amd64-*
        --query sort_by(Images,&CreationDate)[-1].[ImageId,Architecture,RootDeviceName]`,
        aws.ec2`describe-instance-types --instance-types t3.micro
        --query InstanceTypes[0].[VCpuInfo.DefaultVCpus,MemoryInfo.SizeInMiB,ProcessorInfo.SupportedArchitectures]`,
        aws.ec2`describe-instance-type-offerings --location-type availability-zone
        --filters Name=instance-type,Values=t3.micro --query InstanceTypeOfferings[].Location`,
      ])
      expect(regions).toBe('us-east-1')
      expect(zones).toContain('us-east-1a')
      expect(images).toEqual([expect.stringMatching(/^ami-[0-9a-f]{17}$/), 'x86_64', '/dev/xvda'])
      image = images[0]
      expect(types).toEqual([2, 1024, ['x86_64']])
      expect(offerings).not.toEqual([])
      expect(zones).toEqual(expect.arrayContaining(offerings))
    })

    test('makes a key pair; ssh-keygen reads it, and tells the same public key and fingerprint', async () => {
      const material =
        await aws.word`create-key-pair --key-name cli --key-type ed25519 --query KeyMaterial`
      await writeFile(file('key.pem'), `${material}\n`, { mode: 0o600 })
      const { KeyPairs } = await aws.ec2`describe-key-pairs --key-names cli --include-public-key`
      const { stdout: key } = await run('ssh-keygen', ['-y', '-f', file('key.pem')])
      const { stdout: listed } = await run('ssh-keygen', ['-l', '-f', file('key.pem')])
      const [type, blob] = key.trim().split(' ')
      const [, digest] = /SHA256:(\S+)/.exec(listed) ?? []
      expect(KeyPairs).toMatchObject([
        {
          KeyName: 'cli',
          KeyType: 'ed25519',
          KeyFingerprint: `${digest}=`,
          PublicKey: `${type} ${blob} cli`,
        },
      ])
      expect(await aws.refusal`create-key-pair --key-name cli`).toBe(
        "255: An error occurred (InvalidKeyPair.Duplicate) when calling the CreateKeyPair operation: The keypair 'cli' already exists.",
      )
    })

    test('makes a security group, opens a port and describes the rule', async () => {
      group = await aws.word`create-security-group --group-name cli --description ${'made by aws'}
      --tag-specifications ResourceType=security-group,Tags=[{Key=by,Value=aws}] --query GroupId`
      expect(group).toMatch(/^sg-[0-9a-f]{17}$/)
      await aws.ec2`authorize-security-group-ingress --group-id ${group}
      --protocol tcp --port 22 --cidr 203.0.113.0/24`
      const { SecurityGroupRules: rules } =
        await aws.ec2`describe-security-group-rules --filters Name=group-id,Values=${group}`
      expect(rules).toHaveLength(2)
      expect(rules).toMatchObject(
        expect.arrayContaining([
          expect.objectContaining({ IsEgress: false, FromPort: 22, CidrIpv4: '203.0.113.0/24' }),
          expect.objectContaining({ IsEgress: true, IpProtocol: '-1', CidrIpv4: '0.0.0.0/0' }),
        ]),
      )
    })

    test('launches, once for a token, and waits until it runs', async () => {
      await writeFile(file('user-data'), '#cloud-config\nruncmd: [true]\n')
      const launch = words`run-instances --image-id ${image} --instance-type t3.micro --key-name cli
      --security-group-ids ${group} --client-token once --user-data file://${file('user-data')}
      --tag-specifications ResourceType=instance,Tags=[{Key=Name,Value=web-1},{Key=empty,Value=""}]`
      expect(await aws.refusal`${launch} --dry-run`).toBe(
        '255: An error occurred (DryRunOperation) when calling the RunInstances operation: Request would have succeeded, but DryRun flag is set.',
      )
      const [first, second] = await Promise.all([aws.ec2`${launch}`, aws.ec2`${launch}`])
      id = first.Instances[0].InstanceId
      expect(second.Instances[0].InstanceId).toBe(id)
      await aws.ec2`wait instance-running --instance-ids ${id}`
      expect(await state()).toBe('running')
    })

    test('finds the instance by filters, and shows it as it was launched', async () => {
      const [rows, none, status] = await Promise.all([
        aws.ec2`describe-instances
        --filters Name=tag:Name,Values=web-? Name=instance-state-name,Values=running
        --query Reservations[].Instances[].[InstanceId,KeyName,ImageId,SecurityGroups[0].GroupId,ClientToken]`,
        aws.ec2`describe-instances --filters Name=tag:Name,Values=db-*`,
        aws.ec2`describe-instance-status --instance-ids ${id}`,
      ])
      expect(rows).toEqual([[id, 'cli', image, group, 'once']])
      expect(none).toEqual({ Reservations: [] })
      expect(status).toMatchObject({
        InstanceStatuses: [{ InstanceId: id, InstanceState: { Code: 16, Name: 'running' } }],
      })
    })

    test('tags, finds and untags it', async () => {
      await aws.ec2`create-tags --resources ${id} ${group} --tags Key=run,Value=7`
      const tagged = words`describe-tags --filters Name=key,Values=run
      --query sort_by(Tags,&ResourceType)[].[ResourceType,ResourceId,Value]`
      expect(await aws.ec2`${tagged}`).toEqual([
        ['instance', id, '7'],
        ['security-group', group, '7'],
      ])
      await aws.ec2`delete-tags --resources ${id} ${group} --tags Key=run`
      expect(await aws.ec2`${tagged}`).toEqual([])
    })

    test('changes what may be changed', async () => {
      const attribute = (name: string): Promise<unknown> =>
        aws.ec2`describe-instance-attribute --instance-id ${id} --attribute ${name}`
      const modify = words`modify-instance-attribute --instance-id ${id}`
      await Promise.all([
        aws.ec2`${modify} --instance-initiated-shutdown-behavior terminate`,
        aws.ec2`${modify} --disable-api-termination`,
      ])
      const names = ['instanceInitiatedShutdownBehavior', 'disableApiTermination', 'userData']
      expect(await Promise.all(names.map(attribute))).toEqual([
        { InstanceId: id, InstanceInitiatedShutdownBehavior: { Value: 'terminate' } },
        { InstanceId: id, DisableApiTermination: { Value: true } },
        { InstanceId: id, UserData: { Value: await readFile(file('user-data'), 'base64') } },
      ])
      expect(await aws.refusal`terminate-instances --instance-ids ${id}`).toMatch(
        /^255: An error occurred \(OperationNotPermitted\) when calling the TerminateInstances operation: /,
      )
      await aws.ec2`${modify} --no-disable-api-termination`
      const { InstanceMetadataOptions: options } =
        await aws.ec2`modify-instance-metadata-options --instance-id ${id}
        --http-tokens required --http-put-response-hop-limit 2`
      expect(options).toMatchObject({ HttpTokens: 'required', HttpPutResponseHopLimit: 2 })
    })

    test('shows the console', async () => {
      const { InstanceId, Timestamp } = await aws.ec2`get-console-output --instance-id ${id}`
      expect(InstanceId).toBe(id)
      expect(Date.parse(Timestamp)).not.toBeNaN()
    })

    test('stops, starts and reboots it, waiting for each', async () => {
      const { StoppingInstances } = await aws.ec2`stop-instances --instance-ids ${id}`
      expect(StoppingInstances).toEqual([
        {
          InstanceId: id,
          PreviousState: { Code: 16, Name: 'running' },
          CurrentState: { Code: 64, Name: 'stopping' },
        },
      ])
      await aws.ec2`wait instance-stopped --instance-ids ${id}`
      expect(await state()).toBe('stopped')
      const { StartingInstances } = await aws.ec2`start-instances --instance-ids ${id}`
      expect(StartingInstances).toEqual([
        {
          InstanceId: id,
          PreviousState: { Code: 80, Name: 'stopped' },
          CurrentState: { Code: 0, Name: 'pending' },
        },
      ])
      await aws.ec2`wait instance-running --instance-ids ${id}`
      expect(await aws.ec2`reboot-instances --instance-ids ${id}`).toBeUndefined()
      await aws.ec2`wait instance-status-ok --instance-ids ${id}`
    })

    test('walks through pages of any size', async () => {
      const count = words`describe-instance-types --query length(InstanceTypes)`
      const [all, paged, some] = await Promise.all([
        aws.ec2`${count}`,
        aws.ec2`${count} --page-size 50`,
        aws.ec2`${count} --max-items 3`,
      ])
      expect(all).toBeGreaterThanOrEqual(60)
      expect(paged).toBe(all)
      expect(some).toBe(3)
    })

    test.each<[string, string[], string]>([
      [
        'an instance that is not there',
        words`describe-instances --instance-ids i-0123456789abcdef0`,
        "(InvalidInstanceID.NotFound) when calling the DescribeInstances operation: The instance ID 'i-0123456789abcdef0' does not exist",
      ],
      [
        'what is no id',
        words`terminate-instances --instance-ids i-12`,
        '(InvalidInstanceID.Malformed) when calling the TerminateInstances operation: Invalid id: "i-12" (expecting "i-...")',
      ],
      [
        'a filter that is none',
        words`describe-instances --filters Name=bogus,Values=1`,
        "(InvalidParameterValue) when calling the DescribeInstances operation: The filter 'bogus' is invalid",
      ],
      [
        'an action that is not here',
        words`describe-spot-price-history`,
        '(UnsupportedOperation) when calling the DescribeSpotPriceHistory operation: DescribeSpotPriceHistory is not implemented by this local endpoint.',
      ],
    ])('is told of %s in its own words', async (_, command, said) => {
      expect(await aws.refusal`${command}`).toBe(`255: An error occurred ${said}`)
    })

    test('is not believed with another secret', async () => {
      const credentials = { ...local.credentials, secretAccessKey: 'guessed' }
      const stranger = new AwsCli(python.command, clientEnvironment({ ...local, credentials }))
      expect(await stranger.refusal`describe-instances`).toBe(
        '255: An error occurred (AuthFailure) when calling the DescribeInstances operation: AWS was not able to validate the provided access credentials',
      )
    })

    test('assumes the role of its profile, may do what that may, and reads why not the rest', async () => {
      const role = local.addRole({
        name: 'reader',
        policy: {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Action: ['ec2:Describe*', 'sts:Decode*'], Resource: '*' },
            { Sid: 'NoLaunch', Effect: 'Deny', Action: 'ec2:RunInstances', Resource: '*' },
          ],
        },
      })
      const { accessKeyId, secretAccessKey } = local.credentials
      await writeFile(
        file('config'),
        `[profile local]
aws_access_key_id = ${accessKeyId}
aws_secret_access_key = ${secretAccessKey}
[profile reader]
role_arn = ${role}
role_session_name = cli
source_profile = local
`,
      )
      const reader = new AwsCli(python.command, {
        ...clientEnvironment(local),
        AWS_ACCESS_KEY_ID: undefined,
        AWS_SECRET_ACCESS_KEY: undefined,
        AWS_CONFIG_FILE: file('config'),
        AWS_PROFILE: 'reader',
        // Where it keeps the keys of its session.
        HOME: folder,
      })
      const [identity, vpcs, refusal] = await Promise.all([
        reader.sts`get-caller-identity`,
        reader.ec2`describe-vpcs --query length(Vpcs)`,
        reader.refusal`run-instances --image-id ${image} --instance-type t3.micro`,
      ])
      expect(identity).toEqual({
        UserId: expect.stringMatching(/^AROA[A-Z0-9]{17}:cli$/),
        Account: '000000000000',
        Arn: 'arn:aws:sts::000000000000:assumed-role/reader/cli',
      })
      expect(vpcs).toBe(1)
      expect(refusal).toMatch(
        /^255: An error occurred \(UnauthorizedOperation\) when calling the RunInstances operation: You are not authorized to perform this operation\./,
      )
      const [, message = ''] = /Encoded authorization failure message: (\S+)$/.exec(refusal) ?? []
      const { DecodedMessage } =
        await reader.sts`decode-authorization-message --encoded-message ${message}`
      expect(JSON.parse(DecodedMessage)).toMatchObject({
        explicitDeny: true,
        matchedStatements: { items: [{ statementId: 'NoLaunch' }] },
        context: { action: 'ec2:RunInstances' },
      })
    })

    test('cannot delete a group in use; terminates, revokes, and leaves nothing behind', async () => {
      expect(await aws.refusal`delete-security-group --group-id ${group}`).toBe(
        `255: An error occurred (DependencyViolation) when calling the DeleteSecurityGroup operation: resource ${group} has a dependent object`,
      )
      const { TerminatingInstances } = await aws.ec2`terminate-instances --instance-ids ${id}`
      expect(TerminatingInstances).toMatchObject([
        { CurrentState: { Code: 32, Name: 'shutting-down' } },
      ])
      await aws.ec2`wait instance-terminated --instance-ids ${id}`
      await aws.ec2`revoke-security-group-ingress --group-id ${group}
      --protocol tcp --port 22 --cidr 203.0.113.0/24`
      await aws.ec2`delete-security-group --group-id ${group}`
      await aws.ec2`delete-key-pair --key-name cli`
      expect(
        await Promise.all([
          aws.ec2`describe-volumes --query Volumes`,
          aws.ec2`describe-network-interfaces --query NetworkInterfaces`,
          aws.ec2`describe-key-pairs --query KeyPairs`,
          aws.ec2`describe-security-groups --query SecurityGroups[].GroupName`,
        ]),
      ).toEqual([[], [], [], ['default']])
    })
  },
)
