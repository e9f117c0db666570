/** Launches of machines that boot as those of EC2 do, from RunInstances to the first verified login. */
import { type LocalEc2, startLocalEc2 } from '@benchaway/local-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { describeOn, systems } from '../../../local-ec2/tests/heavy/kit.ts'
import { openFleet } from '../../src/fleet.ts'
import { instancesAt, leftAt, type } from '../local.ts'

describeOn({ kind: 'systemd' }, 'a launch', () => {
  let local: LocalEc2
  beforeAll(async () => {
    local = await startLocalEc2({ machine: 'systemd' })
  })
  afterAll(() => local.close())

  test('of both systems says each step once, costs sshd one login, and leaves nothing', async () => {
    const lines: string[] = []
    const log = (line: string): void => void lines.push(line)
    const fleet = await openFleet({ project: 'launch', target: local, log })
    const launched = await Promise.all(systems.map((image) => fleet.launch({ type, image })))
    const seen = await Promise.all(
      launched.map(async (instance) => {
        const { stdout: name } = await instance.exec('. /etc/os-release; echo "$ID-$VERSION_ID"')
        const { stdout: journal } = await instance.exec('sudo journalctl --boot --unit ssh.service')
        return {
          name: name.trim(),
          logins: journal.match(/Accepted publickey for admin/g)?.length,
          // An image lets nobody in for a moment when sshd is there before systemd has removed /run/nologin.
          failures: journal.match(
            /^(?!.*by PAM account configuration).*(?:preauth|Connection|penalty|drop).*/gim,
          ),
        }
      }),
    )
    expect(seen).toEqual(systems.map((name) => ({ name, logins: 1, failures: null })))
    expect((await fleet.close()).left).toEqual([])
    expect(await leftAt(local)).toEqual([])

    const said = lines.map((line) => withoutIds(line))
    const arch = process.arch === 'arm64' ? 'arm64' : 'x64'
    const ofEach = (line: (system: string) => string): string[] => systems.map(line)
    expect(said.filter((line) => !line.startsWith('EC2 lists')).toSorted()).toEqual(
      [
        ...ofEach((system) => `${type} is ${arch}, image ${system} (AMI), login admin`),
        'security group SG',
        ...ofEach(() => 'EC2 launches ID'),
        ...ofEach(() => `${type} ID runs at ADDRESS after TIME`),
        ...ofEach(() => `${type} ID verified and logged in to after TIME`),
      ].toSorted(),
    )
    expect(said.at(-1)).toBe('EC2 lists nothing')
  })

  test('of a machine with a foreign host key fails with both fingerprints, and the machine ends', async () => {
    const fault = local.faults.add({ machine: 'wrong-host-key' })
    await using fleet = await openFleet({ project: 'launch', target: local })
    const failures = await Promise.all(
      systems.map((image) => fleet.launch({ type, image }).catch((error: unknown) => error)),
    )
    fault.remove()
    const address = /^[\d.]+ port 22 proved host key (SHA256:\S{43}), expected (?!\1)SHA256:\S{43}$/
    for (const failure of failures) {
      expect(failure).toMatchObject({
        code: 'HOST_KEY_MISMATCH',
        message: expect.stringMatching(address),
        hint: 'Do not connect again: somebody else answers at that address.',
      })
    }
    expect((await fleet.close()).left).toEqual([])
    const states = (await instancesAt(local)).map(({ State }) => State?.Name)
    expect(new Set(states)).toEqual(new Set(['terminated']))
    expect(await leftAt(local)).toEqual([])
  })
})

function withoutIds(line: string): string {
  return line
    .replace(/(debian-\d+)-\S+ \(ami-\w+\)/, '$1 (AMI)')
    .replaceAll(/\bsg-\w+/g, 'SG')
    .replaceAll(/\bi-[\da-f]+/g, 'ID')
    .replace(/ at [\d.]+/, ' at ADDRESS')
    .replace(/ after [\d.]+ s/, ' after TIME')
}
