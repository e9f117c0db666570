/** That machines of images are what they say: whose process 1, whose cloud-init, in which order. */
import { DescribeImagesCommand } from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startLocalEc2 } from '../../src/server.ts'
import { ec2Client, refusal, run } from '../clients.ts'
import { testsOfRoot } from './danger.ts'
import { describeOn, has, kinds, systems } from './kit.ts'
import { bootPair, onEach, type Pair } from './pair.ts'

const versions = {
  'debian-12': { cloudInit: '22.4.2', systemd: '252', sshd: 'OpenSSH_9.2p1' },
  'debian-13': { cloudInit: '25.1.4', systemd: '257', sshd: 'OpenSSH_10.0p2' },
} as const

// The other kind's machines are made in the same way, and may do less.
const mightiest = has({ kind: 'systemd' }) ? 'systemd' : 'cloud-init'

interface Result {
  v1: { datasource: string; errors: string[] }
}

describe.each(kinds)('machines of kind %s', (kind) => {
  describeOn({ kind }, 'of each image', () => {
    let pair: Pair
    beforeAll(async () => {
      pair = await bootPair(kind)
    })
    afterAll(() => pair?.[Symbol.asyncDispose]())

    test('have the init, the cloud-init and the sshd that they should', async () => {
      const said = await onEach(async (system) => {
        const command =
          'cat /proc/1/comm; cloud-init --version 2>&1; ssh -V 2>&1; dpkg-query -W systemd'
        return (await pair.inside(system, command)).split('\n')
      })
      const wanted = systems.map((system) => {
        const { cloudInit, systemd, sshd } = versions[system]
        const init = kind === 'systemd' ? 'systemd' : 'init'
        return [
          system,
          [
            init,
            `/usr/bin/cloud-init ${cloudInit}`,
            expect.stringContaining(`${sshd} Debian`),
            expect.stringMatching(`^systemd\t${systemd}\\.`),
          ],
        ]
      })
      expect(said).toEqual(Object.fromEntries(wanted))
    })

    test('came up whole', async () => {
      const seen = await onEach(async (system) => {
        const result: Result = JSON.parse(
          await pair.inside(system, 'cat /run/cloud-init/result.json'),
        )
        expect(result.v1.datasource).toMatch(/^DataSourceEc2(Local)?$/)
        const failed = result.v1.errors.map((error) => /^\('([\w-]+)'/.exec(error)?.[1])
        if (kind !== 'systemd') return { failed }
        const state = 'systemctl is-system-running --wait; systemctl --failed --no-legend'
        return { failed, state: await pair.inside(system, state) }
      })
      const whole = kind === 'systemd' ? { failed: [], state: 'running' } : { failed: [] }
      // Where there is no udevd it cannot be told about a rule.
      const bare = kind === 'systemd' ? whole : { failed: ['install-hotplug'] }
      expect(seen).toEqual({ 'debian-12': whole, 'debian-13': bare })
    })

    test('knew by their DMI data that they are on EC2, and so to ask for a token', async () => {
      const url = 'http://169.254.169.254/latest/user-data'
      const ask = `python3 -c 'import urllib.request; urllib.request.urlopen("${url}")' 2>&1 | tail -1`
      const seen = await onEach(async (system) => {
        const all = `${ask}; cloud-id; systemd-detect-virt; sudo grep -qc 'api/token' /var/log/cloud-init.log && echo asked`
        return (await pair.inside(system, all)).split('\n')
      })
      const refused = 'urllib.error.HTTPError: HTTP Error 401: Unauthorized'
      const each = [refused, 'aws', 'amazon', 'asked']
      expect(seen).toEqual({ 'debian-12': each, 'debian-13': each })
    })

    test("ran cloud-init's stages in order, with sshd between them", async () => {
      const script = `import json, os, time
stages = json.load(open('/run/cloud-init/status.json'))['v1']
began = time.time() - float(open('/proc/uptime').read().split()[0])
pid = open('/run/sshd.pid').read().strip()
ticks = int(open(f'/proc/{pid}/stat').read().rsplit(') ', 1)[1].split()[19])
# cloud-init 22 takes the time of day, 25 the time since boot.
when = lambda stage, what: stages[stage][what] - (began if stages[stage][what] > 1e9 else 0)
early = [when(stage, what) for stage in ('init-local', 'init') for what in ('start', 'finished')]
late = [when('modules-final', what) for what in ('start', 'finished')]
print(json.dumps([*early, ticks / os.sysconf('SC_CLK_TCK'), *late]))
`
      const seen = await onEach(async (system) => {
        const said = await pair.inside(system, `sudo python3 -c "${script}"`)
        // The kernel counts processes' starts in hundredths of a second.
        return (JSON.parse(said) as number[]).map((time) => Math.round(time * 50))
      })
      for (const times of Object.values(seen)) {
        expect(times).toHaveLength(7)
        expect(times).toEqual(times.toSorted((a, b) => a - b))
      }
    })

    if (kind === mightiest) testsOfRoot(kind, () => pair)
  })

  describeOn({ kind, systems: [] }, 'of no image', () => {
    test('are refused: Ubuntu, as a configuration that is not supported', async () => {
      await using local = await startLocalEc2({ machine: kind })
      const client = ec2Client(local)
      const { Images = [] } = await client.send(
        new DescribeImagesCommand({
          Filters: [{ Name: 'name', Values: ['ubuntu/images/*24.04-amd64-*'] }],
        }),
      )
      const { ImageId, Name } = Images[0] ?? {}
      expect(await refusal(run(client, { ImageId }))).toEqual({
        code: 'Unsupported',
        status: 400,
        message: `The requested configuration is currently not supported: machines of kind '${kind}' boot debian-12 and debian-13, not ${Name}.`,
      })
    })
  })
})
