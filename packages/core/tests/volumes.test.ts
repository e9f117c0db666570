/** What becomes of the volumes that an image brings besides its root. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

import { startLocalEc2 } from '@benchaway/local-ec2'
import { expect, test } from 'vitest'

import { openFleet } from '../src/fleet.ts'
import { type } from './local.ts'

/** As DescribeImages tells of an image that was made from a machine with a second volume, which stays by default. */
const secondVolume = `<item><deviceName>/dev/sdb</deviceName><ebs><snapshotId>snap-0123456789abcdef0</snapshotId>
<deleteOnTermination>false</deleteOnTermination><volumeSize>100</volumeSize><volumeType>gp3</volumeType></ebs></item>
<item><deviceName>/dev/sdc</deviceName><virtualName>ephemeral0</virtualName></item></blockDeviceMapping>`

test('each volume of an image ends with the machine, whatever the image says of it', async () => {
  await using local = await startLocalEc2({ machine: 'none' })
  const { port } = new URL(local.endpoint)
  const asked: URLSearchParams[] = []
  // The endpoint has no such image, and refuses a launch with a second volume; what is asked of it is seen here.
  await using between = createServer(async (near, answer) => {
    const body = await text(near)
    asked.push(new URLSearchParams(body))
    const { method, url: path, headers } = near
    const far = request({ host: '127.0.0.1', port, method, path, headers }).end(body)
    const [told] = (await once(far, 'response')) as [IncomingMessage]
    const said = (await text(told)).replaceAll('</blockDeviceMapping>', secondVolume)
    answer.writeHead(told.statusCode ?? 0, { 'content-type': told.headers['content-type'] })
    answer.end(said)
  })
  between.listen(0, '127.0.0.1')
  await once(between, 'listening')
  const { port: own } = between.address() as AddressInfo

  const target = { ...local, endpoint: `http://127.0.0.1:${own}` }
  await using fleet = await openFleet({ project: 'volumes', target })
  await expect(fleet.launch({ type })).rejects.toMatchObject({
    code: 'AWS_REFUSED',
    message: expect.stringMatching(/besides the root device .*: \/dev\/sdb$/),
  })
  const launch = asked.find((form) => form.get('Action') === 'RunInstances')
  const mapping = Object.fromEntries(
    [...(launch ?? [])].filter(([name]) => /^BlockDeviceMapping\.(?!1\.)/.test(name)),
  )
  expect(mapping).toEqual({
    'BlockDeviceMapping.2.DeviceName': '/dev/sdb',
    'BlockDeviceMapping.2.Ebs.DeleteOnTermination': 'true',
  })
})
