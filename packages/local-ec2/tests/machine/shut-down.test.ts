/** How a machine ends that is asked to: its services hear of it first. */
import { afterAll, beforeAll, expect, test } from 'vitest'

import { openMachineHost } from '../../src/machine/host.ts'
import type { MachineHost } from '../../src/machine/machine.ts'
import {
  boot,
  bootAgain,
  type Booted,
  cloudConfig,
  type Keys,
  login,
  makeKeys,
  type Order,
  request,
  ssh,
  wantedKind,
} from './bench-kit.ts'

let host: MachineHost
let keys: Keys
let order: Order
let machine: Booted

beforeAll(async () => {
  keys = makeKeys()
  host = await openMachineHost(wantedKind)
  order = request(cloudConfig(keys))
  machine = boot(host, order)
  await login(machine, keys)
  await ssh(machine, keys, `sudo tee /etc/systemd/system/polite.service`, {
    input: `[Service]
ExecStart=/bin/sleep infinity
ExecStop=/bin/sh /root/farewell
`,
  })
  await ssh(machine, keys, 'sudo systemctl enable polite')
}, 300_000)

afterAll(async () => {
  await host?.close()
  keys?.[Symbol.dispose]()
})

/** What the service does when it is stopped, from now on. */
async function farewell(script: string): Promise<void> {
  await ssh(machine, keys, 'sudo sh -c "cat >/root/farewell; rm -f /root/told"', { input: script })
  await ssh(machine, keys, 'sudo systemctl start polite')
}

async function told(): Promise<string> {
  bootAgain(machine, order.facts)
  await login(machine, keys)
  return (await ssh(machine, keys, 'sudo cat /root/told')).stdout
}

test.each(['from outside', 'sudo poweroff', 'sudo systemctl poweroff', 'sudo shutdown now'])(
  'a machine that is shut down %s stops its services first',
  async (how) => {
    await farewell('sleep 0.2; echo told >/root/told')
    if (how === 'from outside') await machine.shutDown()
    else await ssh(machine, keys, how)
    expect(await machine.off).toEqual({ reason: 'poweroff' })
    expect(await told()).toBe('told\n')
  },
)

test('a machine that is shut down in the middle of its reboot does not boot again', async () => {
  const boots = (): number => machine.console().split(' boots\n').length
  const before = boots()
  machine.reboot()
  await machine.shutDown()
  expect(await machine.off).toEqual({ reason: 'unplugged' })
  expect(boots()).toBe(before)
  bootAgain(machine, order.facts)
  await login(machine, keys)
})

test.each(['sudo poweroff -f', 'sudo systemctl poweroff -ff'])(
  '%s tells no service',
  async (command) => {
    await farewell('echo told >/root/told')
    await ssh(machine, keys, command)
    expect(await machine.off).toEqual({ reason: 'poweroff' })
    expect(await told()).toBe('')
  },
)

test('a shutdown that takes its time can be cut short', async () => {
  await farewell('echo told >/root/told; sleep infinity')
  const down = machine.shutDown()
  // Its sshd is the first thing that everybody sees go.
  await expect
    .poll(async () => (await ssh(machine, keys, 'true')).code, { timeout: 10_000 })
    .not.toBe(0)
  await machine.powerOff()
  await down
  expect(await machine.off).toEqual({ reason: 'unplugged' })
  expect(await told()).toBe('told\n')
})

test('a machine that does not hear loses its plug after half a minute', async () => {
  await machine.trouble('freezes')
  await machine.shutDown()
  expect(await machine.off).toEqual({ reason: 'unplugged' })
})

test('to shut down a machine that is still booting, or off, is to pull its plug', async () => {
  bootAgain(machine, order.facts)
  await machine.shutDown()
  expect(await machine.off).toEqual({ reason: 'unplugged' })
  await machine.shutDown()
})
