import { CreateTagsCommand, type EC2Client, StopInstancesCommand } from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { type LocalEc2, serve } from '../src/server.ts'
import { describeOne, ec2Client, refusal, run } from './clients.ts'
import { ScriptedHost } from './scripted-host.ts'

let host: ScriptedHost
let local: LocalEc2
let client: EC2Client

beforeEach(async () => {
  host = new ScriptedHost()
  local = await serve(host)
  client = ec2Client(local)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(async () => {
  vi.useRealTimers()
  await local.close()
})

async function launchInterrupted(noticeMs: number): Promise<string> {
  const [{ InstanceId } = { InstanceId: '' }] = await run(client)
  host.latest.comeUp()
  await local.faults.strike(InstanceId, { machine: 'is-interrupted', noticeMs })
  return InstanceId
}

test('an interrupted machine is told when, runs until then, and is terminated by the service', async () => {
  const before = Date.now()
  const id = await launchInterrupted(120_000)
  const { action, time } = host.latest.facts?.interruption ?? {}
  expect(action).toBe('terminate')
  expect(time?.getTime()).toBeGreaterThanOrEqual(before + 120_000)

  vi.advanceTimersByTime(119_999)
  expect(await describeOne(client, id)).toMatchObject({ State: { Name: 'running' } })
  vi.advanceTimersByTime(1)
  expect(host.latest.unplugged).toBe(true)
  host.latest.end({ reason: 'unplugged' })
  expect(await describeOne(client, id)).toMatchObject({
    State: { Name: 'terminated' },
    StateReason: {
      Code: 'Server.SpotInstanceTermination',
      Message: 'Server.SpotInstanceTermination: Spot instance termination',
    },
    StateTransitionReason: expect.stringMatching(/^Service initiated \(.* GMT\)$/),
  })
})

test('a notice is not forgotten when the machine learns something else', async () => {
  const id = await launchInterrupted(60_000)
  await client.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'a', Value: 'b' }] }))
  expect(host.latest.facts).toMatchObject({
    interruption: { action: 'terminate' },
    tags: new Map([['a', 'b']]),
  })
})

test('one that was stopped before its time has come is left alone', async () => {
  const id = await launchInterrupted(60_000)
  await client.send(new StopInstancesCommand({ InstanceIds: [id] }))
  host.latest.end({ reason: 'unplugged' })
  vi.advanceTimersByTime(60_000)
  expect(await describeOne(client, id)).toMatchObject({
    State: { Name: 'stopped' },
    StateReason: { Code: 'Client.UserInitiatedShutdown' },
  })
})

test('a tag whose key is no path is refused for an instance that shows its tags', async () => {
  const [{ InstanceId: id } = { InstanceId: '' }] = await run(client, {
    MetadataOptions: { InstanceMetadataTags: 'enabled' },
  })
  const tag = (Key: string) =>
    client.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value: '' }] }))
  expect(await refusal(tag('a b'))).toMatchObject({
    code: 'InvalidParameterValue',
    message: expect.stringMatching(/^'a b' is not a valid tag key\./),
  })
  await tag('a.b')
})
