import {
  DescribeInstanceStatusCommand,
  type DescribeInstanceStatusCommandInput,
  type EC2Client,
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

async function statuses(input: DescribeInstanceStatusCommandInput = {}) {
  const { InstanceStatuses = [] } = await client.send(new DescribeInstanceStatusCommand(input))
  return InstanceStatuses
}

const summary = (Status: string, reachability: string) => ({
  Status,
  Details: [{ Name: 'reachability', Status: reachability }],
})

test('checks are initializing until the machine runs, then they pass; they end with it', async () => {
  const [{ InstanceId: id } = { InstanceId: '' }] = await run(client)
  const all = { IncludeAllInstances: true, InstanceIds: [id] }
  expect(await statuses()).toEqual([])
  expect(await statuses(all)).toMatchObject([
    {
      InstanceState: { Name: 'pending' },
      InstanceStatus: summary('initializing', 'initializing'),
      SystemStatus: summary('initializing', 'initializing'),
    },
  ])
  host.latest.comeUp()
  expect(await statuses()).toEqual([
    {
      InstanceId: id,
      AvailabilityZone: 'us-east-1a',
      AvailabilityZoneId: 'use1-az1',
      InstanceState: { Code: 16, Name: 'running' },
      InstanceStatus: summary('ok', 'passed'),
      SystemStatus: summary('ok', 'passed'),
      AttachedEbsStatus: summary('ok', 'passed'),
      Operator: { Managed: false },
      Events: [],
    },
  ])
  await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }))
  expect(await statuses({ InstanceIds: [id] })).toEqual([])
  expect(await statuses(all)).toMatchObject([
    { InstanceState: { Name: 'shutting-down' }, SystemStatus: { Status: 'not-applicable' } },
  ])
})

test('filters look at states and checks, and not at tags', async () => {
  await run(client, { MaxCount: 2 })
  host.latest.comeUp()
  const filtered = (Name: string, ...Values: string[]) =>
    statuses({ IncludeAllInstances: true, Filters: [{ Name, Values }] })
  expect(await filtered('instance-status.status', 'ok')).toHaveLength(1)
  expect(await filtered('system-status.reachability', 'init*')).toHaveLength(1)
  expect(await filtered('instance-state-code', '0', '16')).toHaveLength(2)
  expect(await filtered('event.code', '*')).toEqual([])
  for (const name of ['tag:Name', 'tag-key', 'instance-type']) {
    expect(await refusal(filtered(name, '*'))).toEqual({
      code: 'InvalidParameterValue',
      status: 400,
      message: `The filter '${name}' is invalid`,
    })
  }
})

test('pages hold 5 to 1000, are continued by a token, and are not for chosen instances', async () => {
  const ids = (await run(client, { MaxCount: 7 })).map(({ InstanceId }) => InstanceId)
  const page = (input: DescribeInstanceStatusCommandInput) =>
    client.send(new DescribeInstanceStatusCommand({ IncludeAllInstances: true, ...input }))
  const first = await page({ MaxResults: 5 })
  const second = await page({ MaxResults: 5, NextToken: first.NextToken })
  const found = [first, second].flatMap(({ InstanceStatuses = [] }) => InstanceStatuses)
  expect(found.map(({ InstanceId }) => InstanceId)).toEqual(ids)
  expect(second.NextToken).toBeUndefined()
  for (const MaxResults of [4, 1001]) {
    expect(await refusal(page({ MaxResults }))).toMatchObject({ code: 'InvalidParameterValue' })
  }
  expect(await refusal(page({ MaxResults: 5, InstanceIds: ids }))).toMatchObject({
    code: 'InvalidParameterCombination',
    status: 400,
  })
})
