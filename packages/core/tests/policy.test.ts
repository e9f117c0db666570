/** What a run may do in the account, and what becomes of one that may not. */
import { readFileSync } from 'node:fs'

import { type LocalEc2, type PolicyDocument, startLocalEc2 } from '@benchaway/local-ec2'
import { describe, expect, test } from 'vitest'

import { BenchawayError } from '../src/errors.ts'
import { type Fleet, openFleet } from '../src/fleet.ts'
import { instancesAt, leftAt, type } from './local.ts'

interface Statement {
  Sid: string
  Action: string | string[]
}

/** The policy that users are asked for, filled in for the user `ci`. */
function policy(local: LocalEc2, change = (statement: Statement): Statement => statement) {
  const text = readFileSync(new URL('../iam-policy.json', import.meta.url), 'utf8')
    .replaceAll('REGION', local.region)
    .replaceAll('ACCOUNT', '000000000000')
    .replaceAll('OWNER', 'user/ci')
  const document: { Version: string; Statement: Statement[] } = JSON.parse(text)
  return { ...document, Statement: document.Statement.map(change) }
}

const without =
  (action: string) =>
  (statement: Statement): Statement => ({
    ...statement,
    // Instead of an empty list, which no policy may have.
    Action: ['ec2:Nothing', ...[statement.Action].flat().filter((one) => one !== action)],
  })

/** A fleet of a user who may do what a policy says, and the lines of its log. */
async function openAs(
  local: LocalEc2,
  document: PolicyDocument,
): Promise<{ fleet: Fleet; lines: string[] }> {
  const lines: string[] = []
  const credentials = local.addUser({ name: 'ci', policy: document })
  const fleet = await openFleet({
    project: 'policy',
    target: { endpoint: local.endpoint, region: local.region, credentials },
    log: (line) => lines.push(line),
  })
  return { fleet, lines }
}

test('the policy that we ask for is enough for the whole life of a run', async () => {
  await using local = await startLocalEc2()
  const { fleet, lines } = await openAs(local, policy(local))
  expect(fleet.owner).toBe('user/ci')
  const instance = await fleet.launch({ type })
  expect((await instance.exec('echo works')).stdout).toBe('works\n')
  expect(await fleet.inventory()).toHaveLength(4)
  expect((await fleet.close()).left).toEqual([])
  expect(await leftAt(local)).toEqual([])
  // A denied step that a run can do without is only logged.
  expect(lines.filter((line) => /denied|failed|kept|stays/.test(line))).toEqual([])
})

test('the README lists the actions of that policy', async () => {
  await using local = await startLocalEc2({ machine: 'none' })
  const actions = policy(local).Statement.flatMap((statement) => statement.Action)
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
  const row = /^\| EC2 \| (.*) \|$/m.exec(readme)?.[1] ?? ''
  const listed = [...row.matchAll(/`(\w+)`/g)].map(([, action]) => `ec2:${action}`)
  expect(listed.toSorted()).toEqual([...new Set(actions)].toSorted())
})

/** How a call ends that must not succeed; the ids in its words are left out. */
async function refusal(call: Promise<unknown>): Promise<object> {
  const error: unknown = await call.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof BenchawayError)) throw error
  const { code, message, hint } = error
  return { code, message: message.replace(/(sg|i)-[0-9a-f]{17}/, '$1-ID'), hint }
}

function denied(call: string, permission: string, on: string | undefined): object {
  const where = on === undefined ? '' : ` on resource: arn:aws:ec2:us-east-1:000000000000:${on}`
  return {
    code: 'PERMISSION_DENIED',
    message: `AWS denied ${call}: You are not authorized to perform this operation. User: arn:aws:iam::000000000000:user/ci is not authorized to perform: ec2:${permission}${where} because no identity-based policy allows the ec2:${permission} action`,
    hint: `Ask for a policy that allows ec2:${permission} in us-east-1.`,
  }
}

describe('a run that may not', () => {
  test.each([
    ['DescribeVpcs', 'DescribeVpcs'],
    ['DescribeInstanceTypes', 'DescribeInstanceTypes'],
    ['DescribeImages', 'DescribeImages'],
    ['CreateSecurityGroup', 'CreateSecurityGroup', 'security-group/*'],
    ['CreateTags', 'CreateSecurityGroup', 'security-group/*'],
    ['AuthorizeSecurityGroupIngress', 'AuthorizeSecurityGroupIngress', 'security-group/sg-ID'],
    ['RunInstances', 'RunInstances', 'instance/*'],
  ])('%s says so at %s, and leaves nothing behind', async (permission, call, on?: string) => {
    await using local = await startLocalEc2({ machine: 'none' })
    const { fleet } = await openAs(local, policy(local, without(`ec2:${permission}`)))
    expect(await refusal(fleet.launch({ type }))).toEqual(denied(call, permission, on))
    expect((await fleet.close()).left).toEqual([])
    expect(await leftAt(local)).toEqual([])
  })

  test.each([
    'DescribeInstances',
    'DescribeVolumes',
    'DescribeNetworkInterfaces',
    'DescribeSecurityGroups',
  ])('%s launches nothing: it could not say at the end what is left', async (call) => {
    await using local = await startLocalEc2({ machine: 'none' })
    const { fleet } = await openAs(local, policy(local, without(`ec2:${call}`)))
    expect(await refusal(fleet.launch({ type }))).toEqual(denied(call, call, undefined))
    expect(await refusal(fleet.close())).toEqual(denied(call, call, undefined))
    expect(await leftAt(local)).toEqual([])
    expect(await instancesAt(local)).toEqual([])
  })

  test('because a policy forbids it is not told to ask for one that allows it', async () => {
    await using local = await startLocalEc2({ machine: 'none' })
    const { Statement, Version } = policy(local)
    const no = { Effect: 'Deny', Action: 'ec2:RunInstances', Resource: '*' }
    const { fleet } = await openAs(local, { Version, Statement: [...Statement, no] })
    expect(await refusal(fleet.launch({ type }))).toEqual({
      code: 'PERMISSION_DENIED',
      message: expect.stringMatching(/ with an explicit deny in an identity-based policy$/),
      hint: 'A policy forbids ec2:RunInstances in us-east-1, whatever others allow: ask for an exception.',
    })
    await fleet.close()
    expect(await leftAt(local)).toEqual([])
  })

  test('move its machines to another group ends all the same', async () => {
    await using local = await startLocalEc2()
    const may = policy(local, without('ec2:ModifyInstanceAttribute'))
    const { fleet, lines } = await openAs(local, may)
    await fleet.launch({ type })
    expect((await fleet.close()).left).toEqual([])
    expect(await leftAt(local)).toEqual([])
    expect(lines.join('\n')).toContain('the machines kept their security group: AWS denied Modify')
  })
})
