/** A machine that boots again without losing its power. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openMachineHost } from '../../src/machine/host.ts'
import type { MachineHost } from '../../src/machine/machine.ts'
import {
  boot,
  type Booted,
  cloudConfig,
  finished,
  hasSystemd,
  type Keys,
  listens,
  login,
  makeKeys,
  mime,
  request,
  soon,
  ssh,
  unless,
  wantedKind,
} from './bench-kit.ts'

let host: MachineHost
let keys: Keys

beforeAll(async () => {
  keys = makeKeys()
  host = await openMachineHost(wantedKind)
}, 300_000)

afterAll(async () => {
  await host?.close()
  keys?.[Symbol.dispose]()
})

/** `undefined` while it is powered. */
async function endOf(machine: Booted): Promise<unknown> {
  return Promise.race([machine.off, Promise.resolve()])
}

const boots = (machine: Booted): number => machine.console().split(' boots\n').length - 1

/** Resolves at a login after boot number `count`. */
async function bootNumber(machine: Booted, count: number): Promise<void> {
  await expect.poll(() => boots(machine), soon).toBe(count)
  await login(machine, keys)
}

describe('a reboot', () => {
  let machine: Booted
  let count = 1

  const run = async (command: string): Promise<string> =>
    (await ssh(machine, keys, command)).stdout.trim()

  beforeAll(async () => {
    const hook = '#cloud-boothook\n#!/bin/sh\necho hook >>/var/lib/boots\n'
    const config = cloudConfig(keys, 'runcmd:\n  - echo runcmd >>/var/lib/boots\n')
    machine = boot(host, request(mime(['text/cloud-boothook', hook], ['text/plain', config])))
    await login(machine, keys)
    await finished(machine, 1)
  })

  const ways: readonly (readonly [string, () => unknown])[] = [
    ['from outside', () => machine.reboot()],
    ...['reboot', 'systemctl reboot', 'shutdown -r now', 'halt --reboot'].map(
      (command) => [`by ${command}`, () => ssh(machine, keys, `sudo ${command}`)] as const,
    ),
  ]

  test.each(ways)(
    '%s ends its processes and keeps its files, addresses and power',
    async (_, way) => {
      const { publicIp, privateIp } = machine
      await run(
        "sudo sh -c 'echo kept >>/root/file; touch /tmp/x /run/x; sleep 4242 >/dev/null 2>&1 </dev/null &'",
      )
      expect(await run('pgrep -fc "^sleep 4242"')).toBe('1')
      await way()
      // Not on the console, whose last 64 KiB hold a few boots of an image.
      count++
      await expect.poll(() => run('grep -c hook /var/lib/boots'), soon).toBe(String(count))
      expect(await run('pgrep -fc "^sleep 4242"')).toBe('0')
      expect(await run('sudo cat /root/file')).toBe(
        Array.from({ length: count - 1 }, () => 'kept').join('\n'),
      )
      expect(await run('ls /tmp/x /run/x 2>/dev/null')).toBe('')
      expect(Number(await run('cut -d. -f1 /proc/uptime'))).toBeLessThan(15)
      expect(await run('cat /var/lib/boots')).toBe(`hook\nruncmd${'\nhook'.repeat(count - 1)}`)
      expect(await run('hostname -I')).toBe(privateIp)
      expect(machine.publicIp).toBe(publicIp)
      expect(await endOf(machine)).toBeUndefined()
    },
  )

  test('comes for a process of its own that shut down with a delay, unless that is taken back', async () => {
    await run('sudo shutdown -r +1; sudo shutdown -c; pgrep -fc "^sleep 60"')
    expect(await run('grep -c hook /var/lib/boots')).toBe(String(count))
  })

  test.skipIf(hasSystemd)(
    `comes once of two delays: the later one takes the place of the earlier, as with systemd${unless(hasSystemd, 'this is systemd')}`,
    async () => {
      const waiting = 'pgrep -fc "/shutdown -[hr] [+]"'
      const two = `sudo shutdown -h +1; sudo shutdown -r +60; ${waiting}`
      expect(await run(`${two}; sudo shutdown -c; ${waiting} || :`)).toBe('1\n0')
    },
  )

  test('is survived by the plug: it still ends the machine', async () => {
    machine.reboot()
    await machine.powerOff()
    expect(await machine.off).toEqual({ reason: 'unplugged' })
  })
})

test('a machine that reboots itself while it boots comes up in the end', async () => {
  const hook = `#cloud-boothook
#!/bin/sh
[ -e /var/lib/second ] && exit
touch /var/lib/second
reboot
sleep infinity
`
  const machine = boot(
    host,
    request(mime(['text/cloud-boothook', hook], ['text/plain', cloudConfig(keys)])),
  )
  await bootNumber(machine, 2)
  expect(machine.console()).toContain('local-ec2: reboots\n')
  await machine.powerOff()
})

test('reboots in quick succession lose nothing', async () => {
  const machine = boot(host, request(cloudConfig(keys)))
  await login(machine, keys)
  await ssh(machine, keys, 'sudo sh -c "echo kept >/root/file"')
  for (let count = 2; count < 7; count++) {
    machine.reboot()
    await expect.poll(() => boots(machine), soon).toBe(count)
  }
  await login(machine, keys)
  expect((await ssh(machine, keys, 'sudo cat /root/file')).stdout).toBe('kept\n')
  await machine.powerOff()
})

const mute = 'in a pid namespace the kernel does not tell it from a power-off'
describe.skipIf(hasSystemd)(`halt${unless(hasSystemd, mute)}`, () => {
  test.each(['halt', 'systemctl halt', 'shutdown -H now'])(
    'leaves the machine powered but dead (%s), as on EC2, until somebody reboots it',
    async (command) => {
      const machine = boot(host, request(cloudConfig(keys)))
      await login(machine, keys)
      void ssh(machine, keys, `sudo ${command}`)
      await expect.poll(() => machine.console(), soon).toContain('local-ec2: halted\n')
      await expect
        .poll(() => listens(machine.publicIp, machine.sshPort), soon)
        .toBe(
          // An address in 127/8 is this process's own, which accepts before it knows.
          host.kind === 'rootless',
        )
      expect((await ssh(machine, keys, 'true')).code).not.toBe(0)
      expect(await endOf(machine)).toBeUndefined()
      machine.reboot()
      await bootNumber(machine, 2)
      await machine.powerOff()
      expect(await machine.off).toEqual({ reason: 'unplugged' })
    },
  )

  test('does not keep the plug from being pulled', async () => {
    const machine = boot(host, request(cloudConfig(keys)))
    await login(machine, keys)
    void ssh(machine, keys, 'sudo halt')
    await expect.poll(() => machine.console(), soon).toContain('local-ec2: halted\n')
    await machine.powerOff()
    expect(await machine.off).toEqual({ reason: 'unplugged' })
  })
})
