/** That machines of images are what they say: whose process 1, whose cloud-init, in which order. */
import { DescribeImagesCommand } from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openMachineHost } from '../../src/machine/host.ts'
import type { ImageSystem, MachineHost } from '../../src/machine/machine.ts'
import { startLocalEc2 } from '../../src/server.ts'
import { ec2Client, refusal, run } from '../clients.ts'
import {
  boot,
  type Booted,
  cloudConfig,
  finished,
  type Keys,
  login,
  makeKeys,
  request,
  ssh,
} from '../machine/bench-kit.ts'
import { describeOn, kinds, systems } from './kit.ts'

const versions = {
  'debian-12': { cloudInit: '22.4.2', systemd: '252', sshd: 'OpenSSH_9.2p1' },
  'debian-13': { cloudInit: '25.1.4', systemd: '257', sshd: 'OpenSSH_10.0p2' },
} as const

let keys: Keys
beforeAll(() => {
  keys = makeKeys()
})
afterAll(() => keys?.[Symbol.dispose]())

interface Result {
  v1: { datasource: string; errors: string[] }
}

describe.each(kinds)('machines of kind %s', (kind) => {
  describeOn({ kind }, 'of each image', () => {
    let host: MachineHost
    const machines = new Map<ImageSystem, Booted>()

    beforeAll(async () => {
      host = await openMachineHost(kind)
      for (const system of systems) {
        machines.set(system, boot(host, { ...request(cloudConfig(keys)), system }))
      }
      await Promise.all([...machines.values()].map((machine) => login(machine, keys)))
      await Promise.all([...machines.values()].map((machine) => finished(machine)))
    })

    afterAll(() => host?.close())

    async function inside(system: ImageSystem, command: string): Promise<string> {
      const machine = machines.get(system)
      if (machine === undefined) throw new Error(`no ${system}`)
      return (await ssh(machine, keys, command)).stdout.trim()
    }

    test.each(systems)(
      '%s has the init, the cloud-init and the sshd that it should',
      async (system) => {
        const { cloudInit, systemd, sshd } = versions[system]
        const said = await inside(
          system,
          'cat /proc/1/comm; cloud-init --version 2>&1; ssh -V 2>&1; dpkg-query -W systemd',
        )
        expect(said.split('\n')).toEqual([
          kind === 'systemd' ? 'systemd' : 'init',
          `/usr/bin/cloud-init ${cloudInit}`,
          expect.stringContaining(`${sshd} Debian`),
          expect.stringMatching(`^systemd\t${systemd}\\.`),
        ])
      },
    )

    test.each(systems)('%s came up whole', async (system) => {
      const result: Result = JSON.parse(await inside(system, 'cat /run/cloud-init/result.json'))
      expect(result.v1.datasource).toMatch(/^DataSourceEc2(Local)?$/)
      const failed = result.v1.errors.map((error) => /^\('([\w-]+)'/.exec(error)?.[1])
      // Where there is no udevd it cannot be told about a rule.
      const isBare = kind === 'cloud-init' && system === 'debian-13'
      expect(failed).toEqual(isBare ? ['install-hotplug'] : [])
      if (kind !== 'systemd') return
      const state = 'systemctl is-system-running --wait; systemctl --failed --no-legend'
      expect(await inside(system, state)).toBe('running')
    })

    test.each(systems)(
      '%s knew by its DMI data that it is on EC2, and so to ask for a token',
      async (system) => {
        const url = 'http://169.254.169.254/latest/user-data'
        const ask = `python3 -c 'import urllib.request; urllib.request.urlopen("${url}")' 2>&1 | tail -1`
        expect(await inside(system, ask)).toBe(
          'urllib.error.HTTPError: HTTP Error 401: Unauthorized',
        )
        expect(await inside(system, 'cloud-id; systemd-detect-virt')).toBe('aws\namazon')
        const log = await inside(system, "sudo grep -c 'api/token' /var/log/cloud-init.log")
        expect(Number(log)).toBeGreaterThan(0)
      },
    )

    test.each(systems)(
      "%s ran cloud-init's stages in order, with sshd between them",
      async (system) => {
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
        const times = JSON.parse(await inside(system, `sudo python3 -c "${script}"`)) as number[]
        expect(times).toHaveLength(7)
        // The kernel counts processes' starts in hundredths of a second.
        const rounded = times.map((time) => Math.round(time * 50))
        expect(rounded).toEqual(rounded.toSorted((a, b) => a - b))
      },
    )
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
