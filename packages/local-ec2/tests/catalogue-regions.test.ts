import {
  DescribeRegionsCommand,
  type DescribeRegionsCommandInput,
  type EC2Client,
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

async function names(input: DescribeRegionsCommandInput): Promise<(string | undefined)[]> {
  const { Regions = [] } = await client.send(new DescribeRegionsCommand(input))
  return Regions.map(({ RegionName }) => RegionName)
}

test('a new account has the 17 regions that every account has', async () => {
  const { Regions = [] } = await client.send(new DescribeRegionsCommand({}))
  expect(Regions).toHaveLength(17)
  expect(Regions[0]).toEqual({
    RegionName: 'us-east-1',
    Endpoint: 'ec2.us-east-1.amazonaws.com',
    OptInStatus: 'opt-in-not-required',
  })
})

test('the others are listed when all are asked for, or by name', async () => {
  const optIn = [{ Name: 'opt-in-status', Values: ['not-opted-in'] }]
  expect(await names({ AllRegions: true, Filters: optIn })).toContain('eu-central-2')
  expect(await names({ Filters: optIn })).toEqual([])
  expect(await names({ RegionNames: ['eu-central-2', 'us-west-2'] })).toEqual([
    'us-west-2',
    'eu-central-2',
  ])
})

test.each([
  ['region-name', 'eu-*', ['eu-central-1', 'eu-north-1', 'eu-west-1', 'eu-west-2', 'eu-west-3']],
  ['endpoint', '*.sa-east-1.*', ['sa-east-1']],
])('regions whose %s is %s', async (Name, value, expected) => {
  expect(await names({ Filters: [{ Name, Values: [value] }] })).toEqual(expected)
})

test('a region that there is not is refused', async () => {
  expect(await refusal(names({ RegionNames: ['us-east-1', 'us-moon-1'] }))).toEqual({
    code: 'InvalidParameterValue',
    status: 400,
    message: 'Invalid region: [us-moon-1]',
  })
})

test('a filter that regions do not have is refused', async () => {
  expect(await refusal(names({ Filters: [{ Name: 'state', Values: ['*'] }] }))).toEqual({
    code: 'InvalidParameterValue',
    status: 400,
    message: "The filter 'state' is invalid",
  })
})
