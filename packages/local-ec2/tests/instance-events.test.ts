import {
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { expect, test } from 'vitest'

import type { InstanceEvent } from '../src/index.ts'
import { serve } from '../src/server.ts'
import { ec2Client, run } from './clients.ts'
import { ScriptedHost } from './scripted-host.ts'

test('every state of an instance is told, in order and with its reason, until nobody listens', async () => {
  const host = new ScriptedHost({ sshPort: 2222 })
  await using local = await serve(host)
  const events: InstanceEvent[] = []
  const states = (): string[] => events.map(({ state }) => state)
  const stopListening = local.onInstance((event) => events.push(event))
  const client = ec2Client(local)
  const tags = [{ Key: 'Name', Value: 'web' }]
  const [instance] = await run(client, {
    TagSpecifications: [{ ResourceType: 'instance', Tags: tags }],
  })
  const ids = [instance?.InstanceId ?? '']
  host.latest.comeUp()
  await expect.poll(states).toEqual(['pending', 'running'])
  expect(events.at(-1)).toEqual({
    time: expect.any(Date),
    instanceId: ids[0],
    instanceType: 'm7i.large',
    state: 'running',
    name: 'web',
    privateIp: host.latest.privateIp,
    publicIp: expect.stringMatching(/^[\d.]+$/),
    sshPort: 2222,
  })

  await client.send(new StopInstancesCommand({ InstanceIds: ids }))
  host.latest.end({ reason: 'unplugged' })
  await expect.poll(() => states().slice(2)).toEqual(['stopping', 'stopped'])
  expect(events.at(-1)).toMatchObject({
    reason: 'Client.UserInitiatedShutdown: User initiated shutdown',
  })
  expect(events.at(-1)).not.toHaveProperty('publicIp')

  await client.send(new StartInstancesCommand({ InstanceIds: ids }))
  host.latest.comeUp()
  await expect.poll(() => states().slice(4)).toEqual(['pending', 'running'])
  expect(events.at(-1)).not.toHaveProperty('reason')

  host.latest.end({ reason: 'failed', detail: 'the disk is gone' })
  await expect.poll(() => states().slice(6)).toEqual([expect.any(String)])
  expect(events.at(-1)?.reason).toContain('the disk is gone')

  const count = events.length
  stopListening()
  await client.send(new TerminateInstancesCommand({ InstanceIds: ids }))
  expect(events).toHaveLength(count)
})
