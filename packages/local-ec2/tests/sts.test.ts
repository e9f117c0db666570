/** STS: who one is, roles, and temporary credentials. */
import { DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2'
import {
  AssumeRoleCommand,
  type AssumeRoleCommandInput,
  AssumeRoleWithWebIdentityCommand,
  type Credentials,
  DecodeAuthorizationMessageCommand,
  GetAccessKeyInfoCommand,
  GetCallerIdentityCommand,
  GetSessionTokenCommand,
  STSClient,
} from '@aws-sdk/client-sts'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../src/index.ts'
import { refusal, stsClient } from './clients.ts'
import { accountId, addUser, statement } from './users.ts'

let local: LocalEc2
let sts: STSClient

beforeAll(async () => {
  local = await startLocalEc2({ machine: 'none' })
  sts = stsClient(local)
})
afterAll(() => local.close())

const roleArn = (name: string): string => `arn:aws:iam::${accountId}:role/${name}`

async function assume(
  input: Partial<AssumeRoleCommandInput> = {},
  client = sts,
): Promise<{ credentials: Credentials; arn: string | undefined; id: string | undefined }> {
  const { Credentials: credentials, AssumedRoleUser: role } = await client.send(
    new AssumeRoleCommand({ RoleArn: roleArn('builder'), RoleSessionName: 'test', ...input }),
  )
  if (credentials === undefined) throw new Error('no credentials')
  return { credentials, arn: role?.Arn, id: role?.AssumedRoleId }
}

/** Clients with temporary credentials. */
function withSession(
  { AccessKeyId, SecretAccessKey, SessionToken }: Partial<Credentials>,
  skew = 0,
) {
  const settings = {
    endpoint: local.endpoint,
    region: local.region,
    maxAttempts: 1,
    systemClockOffset: skew,
    credentials: {
      accessKeyId: AccessKeyId ?? '',
      secretAccessKey: SecretAccessKey ?? '',
      ...(SessionToken !== undefined && { sessionToken: SessionToken }),
    },
  }
  return { ec2: new EC2Client(settings), sts: new STSClient(settings) }
}

const whoAmI = new GetCallerIdentityCommand({})
const vpcs = new DescribeVpcsCommand({})

const authFailure = {
  code: 'AuthFailure',
  status: 401,
  message: 'AWS was not able to validate the provided access credentials',
}

test('a user is told who it is', async () => {
  const user = addUser(local, 'eve', statement({ Action: 'ec2:*' }))
  const { Account, Arn, UserId } = await user.sts.send(whoAmI)
  expect({ Account, Arn }).toEqual({ Account: accountId, Arn: user.arn })
  expect(UserId).toMatch(/^AIDA[A-Z0-9]{17}$/)
  const { UserId: again } = await user.sts.send(whoAmI)
  expect(again).toBe(UserId)
})

test('no policy keeps anybody from learning who it is', async () => {
  const user = addUser(local, 'nobody', statement({ Effect: 'Deny', Action: '*' }))
  await expect(user.sts.send(whoAmI)).resolves.toMatchObject({ Arn: user.arn })
})

test('a session of a role is somebody else than who opened it', async () => {
  const { credentials, arn, id } = await assume({ RoleArn: roleArn('teams/ci/builder') })
  const session = withSession(credentials)
  const { Account, Arn, UserId } = await session.sts.send(whoAmI)
  expect(Arn).toBe(`arn:aws:sts::${accountId}:assumed-role/builder/test`)
  expect(UserId).toMatch(/^AROA[A-Z0-9]{17}:test$/)
  expect({ arn, id, Account }).toEqual({ arn: Arn, id: UserId, Account: accountId })
  await expect(session.ec2.send(vpcs)).resolves.toBeDefined()
})

test('temporary credentials are nothing without their token', async () => {
  const { credentials } = await assume()
  const { credentials: other } = await assume()
  for (const token of [undefined, 'wrong', other.SessionToken]) {
    const { AccessKeyId, SecretAccessKey } = credentials
    const session = withSession({
      AccessKeyId,
      SecretAccessKey,
      ...(token !== undefined && { SessionToken: token }),
    })
    expect(await refusal(session.ec2.send(vpcs))).toEqual(authFailure)
    expect(await refusal(session.sts.send(whoAmI))).toEqual({
      code: 'InvalidClientTokenId',
      status: 403,
      message: 'The security token included in the request is invalid',
    })
  }
})

const ago = {
  ec2: { code: 'RequestExpired', status: 400, message: 'Request has expired.' },
  sts: {
    code: 'ExpiredToken',
    status: 403,
    message: 'The security token included in the request is expired',
  },
}

test('a session ends when it was to end, to the second', async () => {
  const { credentials } = await assume({ DurationSeconds: 900 })
  const left = (credentials.Expiration?.getTime() ?? 0) - Date.now()
  expect(left).toBeGreaterThan(890_000)
  expect(left).toBeLessThanOrEqual(900_000)
  const before = left - 5000
  {
    using _ = local.faults.add({ clockSkewMs: before })
    await withSession(credentials, before).ec2.send(vpcs)
  }
  const after = left + 1000
  using _ = local.faults.add({ clockSkewMs: after })
  const session = withSession(credentials, after)
  expect(await refusal(session.ec2.send(vpcs))).toEqual(ago.ec2)
  expect(await refusal(session.sts.send(whoAmI))).toEqual(ago.sts)
})

test('any credentials can be made to expire', async () => {
  const user = addUser(local, 'fired', statement({ Action: '*' }))
  await user.ec2.send(vpcs)
  local.expireCredentials(user.accessKeyId, Date.now() + 60_000)
  await user.ec2.send(vpcs)
  local.expireCredentials(user.accessKeyId)
  expect(await refusal(user.ec2.send(vpcs))).toEqual(ago.ec2)
  expect(await refusal(user.sts.send(whoAmI))).toEqual(ago.sts)
  expect(() => local.expireCredentials('AKIASTRANGER')).toThrow(
    expect.objectContaining({
      code: 'IDENTITY_INVALID',
      message: "there is no access key 'AKIASTRANGER'",
    }),
  )
})

const invalid = (value: string, where: string, what: string) => ({
  code: 'ValidationError',
  status: 400,
  message: `1 validation error detected: Value '${value}' at '${where}' failed to satisfy constraint: Member must ${what}`,
})

test.each<[Partial<AssumeRoleCommandInput>, object]>([
  [
    { RoleArn: 'builder' },
    invalid('builder', 'roleArn', 'have length greater than or equal to 20'),
  ],
  [
    { RoleArn: `arn:aws:iam::${accountId}:user/local` },
    {
      code: 'ValidationError',
      status: 400,
      message: `arn:aws:iam::${accountId}:user/local is invalid`,
    },
  ],
  [
    { RoleSessionName: 'a b' },
    invalid('a b', 'roleSessionName', 'satisfy regular expression pattern: [\\w+=,.@-]*'),
  ],
  [
    { RoleSessionName: 'a' },
    invalid('a', 'roleSessionName', 'have length greater than or equal to 2'),
  ],
  [
    { DurationSeconds: 899 },
    invalid('899', 'durationSeconds', 'have value greater than or equal to 900'),
  ],
  [
    { DurationSeconds: 43_201 },
    invalid('43201', 'durationSeconds', 'have value less than or equal to 43200'),
  ],
  [
    { Policy: ' '.repeat(2049) },
    invalid(' '.repeat(2049), 'policy', 'have length less than or equal to 2048'),
  ],
  [
    { Policy: '{' },
    {
      code: 'MalformedPolicyDocumentException',
      status: 400,
      message: 'This policy contains invalid Json',
    },
  ],
  [
    { Policy: JSON.stringify(statement({ Action: 'ec2:*', Effect: 'Maybe' })) },
    {
      code: 'MalformedPolicyDocumentException',
      status: 400,
      message: 'Syntax errors in policy. Statement.Effect: must be "Allow" or "Deny"',
    },
  ],
  [
    { RoleArn: 'arn:aws:iam::111122223333:role/builder' },
    {
      code: 'AccessDenied',
      status: 403,
      message: `User: arn:aws:iam::${accountId}:user/local is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/builder`,
    },
  ],
  [
    { PolicyArns: [{ arn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' }] },
    {
      code: 'UnsupportedOperation',
      status: 400,
      message: 'AssumeRole.PolicyArns is not implemented by this local endpoint.',
    },
  ],
])('AssumeRole with %j is refused', async (input, answer) => {
  expect(await refusal(assume(input))).toEqual(answer)
})

test('a session policy takes away, and never adds', async () => {
  const { credentials } = await assume({
    Policy: JSON.stringify(statement({ Action: 'ec2:DescribeSubnets' })),
  })
  const { message } = await refusal(withSession(credentials).ec2.send(vpcs))
  expect(message).toBe(
    `You are not authorized to perform this operation. User: arn:aws:sts::${accountId}:assumed-role/builder/test is not authorized to perform: ec2:DescribeVpcs because no session policy allows the ec2:DescribeVpcs action`,
  )
  const { credentials: denied } = await assume({
    Policy: JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: '*', Resource: '*' },
        { Effect: 'Deny', Action: 'ec2:DescribeVpcs', Resource: '*' },
      ],
    }),
  })
  expect((await refusal(withSession(denied).ec2.send(vpcs))).message).toMatch(
    / is not authorized to perform: ec2:DescribeVpcs with an explicit deny in a session policy$/,
  )
})

test('a session has an answer to whether MFA was used, and lasting keys have none', async () => {
  const denied = (operator: string) =>
    addUser(local, `mfa-${operator}`, [
      statement({ Action: '*' }),
      statement({
        Effect: 'Deny',
        Action: 'ec2:*',
        Condition: { [operator]: { 'aws:MultiFactorAuthPresent': 'false' } },
      }),
    ])
  const lasting = denied('Bool')
  await expect(lasting.ec2.send(vpcs)).resolves.toBeDefined()
  const { Credentials = {} } = await lasting.sts.send(new GetSessionTokenCommand({}))
  expect((await refusal(withSession(Credentials).ec2.send(vpcs))).message).toMatch(
    / with an explicit deny in an identity-based policy$/,
  )
  const { ec2 } = denied('BoolIfExists')
  expect((await refusal(ec2.send(vpcs))).code).toBe('UnauthorizedOperation')
})

test('tags of a session are what its policies call aws:PrincipalTag', async () => {
  const policy = statement({
    Action: 'ec2:DescribeVpcs',
    Condition: { StringEquals: { 'aws:PrincipalTag/team': 'bench' } },
  })
  const session = async (team: string) => {
    const { credentials } = await assume({
      Policy: JSON.stringify(policy),
      Tags: [{ Key: 'Team', Value: team }],
    })
    return withSession(credentials).ec2
  }
  await expect((await session('bench')).send(vpcs)).resolves.toBeDefined()
  expect((await refusal((await session('sales')).send(vpcs))).code).toBe('UnauthorizedOperation')
})

test('who may assume which role, tag it, and under which name is a matter of policy', async () => {
  const { sts: limited, arn } = addUser(
    local,
    'limited',
    statement({
      Action: 'sts:AssumeRole',
      Resource: `arn:aws:iam::${accountId}:role/build*`,
      Condition: {
        StringLike: { 'sts:RoleSessionName': '${aws:username}-*' },
        StringEquals: { 'sts:ExternalId': '42' },
      },
    }),
  )
  const fitting = { RoleSessionName: 'limited-1', ExternalId: '42' }
  await expect(assume(fitting, limited)).resolves.toBeDefined()
  const denied = (action: string, role: string) => ({
    code: 'AccessDenied',
    status: 403,
    message: `User: ${arn} is not authorized to perform: ${action} on resource: ${roleArn(role)} because no identity-based policy allows the ${action} action`,
  })
  for (const input of [{ RoleSessionName: 'other-1' }, { ExternalId: '43' }]) {
    expect(await refusal(assume({ ...fitting, ...input }, limited))).toEqual(
      denied('sts:AssumeRole', 'builder'),
    )
  }
  expect(await refusal(assume({ ...fitting, RoleArn: roleArn('admin') }, limited))).toEqual(
    denied('sts:AssumeRole', 'admin'),
  )
  expect(await refusal(assume({ ...fitting, Tags: [{ Key: 'a', Value: 'b' }] }, limited))).toEqual(
    denied('sts:TagSession', 'builder'),
  )
})

test.each(['a role', 'a user'])(
  'a session of %s opens others for an hour at most',
  async (whose) => {
    const { Credentials: ofUser = {} } = await sts.send(new GetSessionTokenCommand({}))
    const first = withSession(whose === 'a user' ? ofUser : (await assume()).credentials).sts
    await expect(assume({ DurationSeconds: 3600 }, first)).resolves.toBeDefined()
    expect(await refusal(assume({ DurationSeconds: 3601 }, first))).toEqual({
      code: 'ValidationError',
      status: 400,
      message:
        'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    })
  },
)

test('once there are roles, only those exist, and each has its own policy and its own limit', async () => {
  await using strict = await startLocalEc2({ machine: 'none' })
  const arn = strict.addRole({ name: 'reader', policy: statement({ Action: 'ec2:Describe*' }) })
  expect(arn).toBe(roleArn('reader'))
  const patient = strict.addRole({ name: 'patient', maxSessionSeconds: 7200 })
  const client = stsClient(strict)
  expect(await refusal(assume({ RoleArn: roleArn('admin') }, client))).toMatchObject({
    code: 'AccessDenied',
    message: `User: arn:aws:iam::${accountId}:user/local is not authorized to perform: sts:AssumeRole on resource: ${roleArn('admin')}`,
  })
  expect(await refusal(assume({ RoleArn: arn, DurationSeconds: 3601 }, client))).toEqual({
    code: 'ValidationError',
    status: 400,
    message: 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
  })
  await expect(assume({ RoleArn: patient, DurationSeconds: 7200 }, client)).resolves.toBeDefined()
  const { credentials } = await assume({ RoleArn: arn }, client)
  const reader = new STSClient({
    endpoint: strict.endpoint,
    region: strict.region,
    credentials: {
      accessKeyId: credentials.AccessKeyId ?? '',
      secretAccessKey: credentials.SecretAccessKey ?? '',
      sessionToken: credentials.SessionToken ?? '',
    },
  })
  expect((await refusal(assume({ RoleArn: patient }, reader))).message).toMatch(
    /assumed-role\/reader\/test is not authorized to perform: sts:AssumeRole on resource: .*:role\/patient because no identity-based policy allows the sts:AssumeRole action$/,
  )
})

test('a user can have temporary credentials of its own, which cannot beget others', async () => {
  const { Credentials: credentials = {} } = await sts.send(
    new GetSessionTokenCommand({ DurationSeconds: 900 }),
  )
  const session = withSession(credentials)
  await expect(session.sts.send(whoAmI)).resolves.toMatchObject({
    Arn: `arn:aws:iam::${accountId}:user/local`,
  })
  await expect(session.ec2.send(vpcs)).resolves.toBeDefined()
  expect(await refusal(session.sts.send(new GetSessionTokenCommand({})))).toEqual({
    code: 'AccessDenied',
    status: 403,
    message: 'Cannot call GetSessionToken with session credentials',
  })
})

test('what this endpoint did not encode, it does not decode', async () => {
  for (const EncodedMessage of ['x', 'A'.repeat(400)]) {
    expect(
      await refusal(sts.send(new DecodeAuthorizationMessageCommand({ EncodedMessage }))),
    ).toEqual({
      code: 'InvalidAuthorizationMessageException',
      status: 400,
      message: 'Message is not valid',
    })
  }
})

test('actions that need no signature are not said to miss one', async () => {
  const anonymous = new STSClient({
    endpoint: local.endpoint,
    region: local.region,
    maxAttempts: 1,
  })
  const call = anonymous.send(
    new AssumeRoleWithWebIdentityCommand({
      RoleArn: roleArn('builder'),
      RoleSessionName: 'test',
      WebIdentityToken: 'token',
    }),
  )
  expect(await refusal(call)).toEqual({
    code: 'UnsupportedOperation',
    status: 400,
    message: 'AssumeRoleWithWebIdentity is not implemented by this local endpoint.',
  })
})

test('an action that is not there is refused', async () => {
  const call = sts.send(new GetAccessKeyInfoCommand({ AccessKeyId: 'A'.repeat(16) }))
  expect(await refusal(call)).toMatchObject({ code: 'UnsupportedOperation' })
})

test.each([
  ['a name that IAM does not allow', { name: 'a/b' }, /^'a\/b' is no name for a user: /],
  [
    'a name that is taken, whatever its case',
    { name: 'LOCAL' },
    /^there is a user 'local' already$/,
  ],
])('a user with %s is refused', (_, user, message) => {
  expect(() => local.addUser(user)).toThrow(
    expect.objectContaining({
      code: 'IDENTITY_INVALID',
      message: expect.stringMatching(message),
    }),
  )
})
