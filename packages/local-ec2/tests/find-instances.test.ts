import {
  CreateSecurityGroupCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  type EC2Client,
  ModifyInstanceAttributeCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type LocalEc2, serve } from '../src/server.ts'
import { describeOne, ec2Client, run } from './clients.ts'
import { ScriptedHost } from './scripted-host.ts'

let host: ScriptedHost
let local: LocalEc2
let client: EC2Client
let id: string

beforeEach(async () => {
  host = new ScriptedHost()
  local = await serve(host)
  client = ec2Client(local)
  const [instance] = await run(client)
  id = instance?.InstanceId ?? ''
})
afterEach(() => local.close())

async function found(Name: string, ...Values: string[]): Promise<boolean> {
  const command = new DescribeInstancesCommand({ Filters: [{ Name, Values }] })
  const { Reservations = [] } = await client.send(command)
  return Reservations.length > 0
}

const states = ['pending', 'running', 'stopping', 'stopped', 'shutting-down', 'terminated']

async function foundAs(): Promise<string[]> {
  const answers = await Promise.all(states.map((state) => found('instance-state-name', state)))
  return states.filter((_, index) => answers[index])
}

async function becomes(state: string): Promise<void> {
  await expect.poll(async () => (await describeOne(client, id)).State?.Name).toBe(state)
}

test('an instance is found by the state that it has, all its life', async () => {
  const InstanceIds = [id]
  expect(await foundAs()).toEqual(['pending'])
  host.latest.comeUp()
  await becomes('running')
  expect(await foundAs()).toEqual(['running'])
  await client.send(new StopInstancesCommand({ InstanceIds }))
  expect(await foundAs()).toEqual(['stopping'])
  host.latest.end({ reason: 'unplugged' })
  await becomes('stopped')
  expect(await foundAs()).toEqual(['stopped'])
  await client.send(new StartInstancesCommand({ InstanceIds }))
  expect(await foundAs()).toEqual(['pending'])
  host.latest.comeUp()
  await becomes('running')
  expect(await foundAs()).toEqual(['running'])
  await client.send(new TerminateInstancesCommand({ InstanceIds }))
  expect(await foundAs()).toEqual(['shutting-down'])
  host.latest.end({ reason: 'unplugged' })
  await becomes('terminated')
  expect(await foundAs()).toEqual(['terminated'])
  // What it held is gone, and it is not found by that any more.
  expect(await found('vpc-id', '*')).toBe(false)
  expect(await found('instance.group-name', 'default')).toBe(false)
})

test('an instance that ends by itself is found by the state that it has', async () => {
  host.latest.comeUp()
  await becomes('running')
  host.latest.end({ reason: 'poweroff' })
  await becomes('stopped')
  expect(await foundAs()).toEqual(['stopped'])
})

test('an instance and its interface are found by the groups that they have now', async () => {
  const { SecurityGroups: [before] = [], SubnetId = '' } = await describeOne(client, id)
  const { GroupId = '' } = await client.send(
    new CreateSecurityGroupCommand({ GroupName: 'g', Description: 'g' }),
  )
  const interfaces = async (group: string): Promise<number | undefined> => {
    const Filters = [{ Name: 'group-id', Values: [group] }]
    const command = new DescribeNetworkInterfacesCommand({ Filters })
    return (await client.send(command)).NetworkInterfaces?.length
  }
  expect(await found('instance.group-id', GroupId)).toBe(false)
  await client.send(new ModifyInstanceAttributeCommand({ InstanceId: id, Groups: [GroupId] }))
  expect(await found('instance.group-id', GroupId)).toBe(true)
  expect(await interfaces(GroupId)).toBe(1)
  expect(await found('instance.group-id', before?.GroupId ?? '')).toBe(false)
  expect(await interfaces(before?.GroupId ?? '')).toBe(0)
  expect(await found('subnet-id', SubnetId)).toBe(true)
})
