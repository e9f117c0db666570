/** A machine that is powered off and on again: what stays, what is new, and what is done once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openMachineHost } from '../../src/machine/host.ts'
import type { MachineHost } from '../../src/machine/machine.ts'
import {
  boot,
  bootsImage,
  bootAgain,
  type Booted,
  cloudConfig,
  finished,
  type Keys,
  listens,
  login,
  makeKeys,
  mime,
  type Order,
  presented,
  request,
  soon,
  ssh,
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

const hook = '#cloud-boothook\n#!/bin/sh\necho hook >>/var/lib/boots\n'
const config = (more: Keys): string =>
  cloudConfig(
    more,
    `bootcmd:
  - echo bootcmd >>/var/lib/boots
runcmd:
  - echo runcmd >>/var/lib/boots
write_files:
  - path: /var/lib/boots
    content: "file\\n"
    append: true
users:
  - default
  - name: eve
`,
  )

describe('a machine that was stopped and started', () => {
  let order: Order
  let machine: Booted
  const first = { publicIp: '', privateIp: '', id: '' }
  let bootedAt = 0

  const run = async (command: string): Promise<string> =>
    (await ssh(machine, keys, command)).stdout.trim()

  beforeAll(async () => {
    order = request(mime(['text/cloud-boothook', hook], ['text/cloud-config', config(keys)]))
    machine = boot(host, order)
    await login(machine, keys)
    await finished(machine, 1)
    Object.assign(first, { publicIp: machine.publicIp, privateIp: machine.privateIp })
    first.id = await run('cat /etc/machine-id')
    const unit =
      '[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n'
    await run(
      `sudo sh -c 'echo kept >/root/file; rm /usr/bin/yes; echo gone >/tmp/file; echo gone >/run/file
      touch /tmp/.hidden /var/tmp/kept; printf "${unit}" >/etc/systemd/system/mine.service
      systemctl enable --now mine; systemctl enable ssh'`,
    )
    await machine.powerOff()
  })

  test('answers nowhere while it is off', async () => {
    expect(await machine.off).toEqual({ reason: 'unplugged' })
    expect(await listens(first.publicIp, machine.sshPort)).toBe(false)
  })

  test('comes back with another public and the same private address', async () => {
    bootedAt = performance.now()
    bootAgain(machine, order.facts)
    await login(machine, keys)
    await finished(machine, 2)
    expect(machine.publicIp).not.toBe(first.publicIp)
    expect(machine.privateIp).toBe(first.privateIp)
    expect(await run('hostname -I')).toBe(first.privateIp)
    expect(await listens(first.publicIp, machine.sshPort)).toBe(false)
  })

  test('has the files that it left on its disk, and not those of /tmp and /run', async () => {
    const gone = '/usr/bin/yes /tmp/file /tmp/.hidden /run/file'
    expect(await run(`sudo cat /root/file; ls -d ${gone} /var/tmp/kept 2>/dev/null`)).toBe(
      'kept\n/var/tmp/kept',
    )
    expect(await run('cat /etc/machine-id')).toBe(first.id)
  })

  test('presents the host key that it was given', async () => {
    const [type, key] = keys.hostPublic.split(' ')
    expect(await presented(machine)).toEqual([`${type} ${key}`])
  })

  test('runs boothooks and bootcmd again, and the rest only once', async () => {
    expect(await run('cat /var/lib/boots')).toBe('hook\nbootcmd\nfile\nruncmd\nhook\nbootcmd')
    expect(await run('getent passwd eve | wc -l')).toBe('1')
  })

  test('starts what was enabled', async () => {
    await expect
      .poll(() => run('systemctl is-active mine; systemctl is-enabled mine'), soon)
      .toBe('active\nenabled')
  })

  test('has been up for no longer than since it was booted again', async () => {
    const upS = Number(await run('cut -d. -f1 /proc/uptime'))
    expect(upS).toBeLessThanOrEqual((performance.now() - bootedAt) / 1000 + 1)
  })

  test('continues its console', () => {
    const console = machine.console()
    expect(console.split(`local-ec2: ${order.hostname} boots\n`).length - 1).toBe(2)
  })

  test('applies the boothook that it was given while it was off, and not the script', async () => {
    await ssh(machine, keys, 'sudo poweroff')
    expect(await machine.off).toEqual({ reason: 'poweroff' })
    const other = mime(
      ['text/cloud-boothook', hook.replace('echo hook', 'echo another')],
      ['text/x-shellscript', '#!/bin/sh\necho script >>/var/lib/boots\n'],
    )
    bootAgain(machine, { ...order.facts, userData: new TextEncoder().encode(other) })
    await login(machine, keys)
    await finished(machine, 3)
    expect((await run('cat /var/lib/boots')).split('\n').slice(6)).toEqual(['another'])
  })

  test('cannot be booted or discarded while it is on', async () => {
    const message = `${order.instanceId} is not off`
    expect(() => machine.boot(order.facts)).toThrow(message)
    expect(() => machine.discard()).toThrow(message)
    await machine.powerOff()
  })

  test('leaves nothing when it is discarded: its name and address are free, with an empty disk', async () => {
    const here = { cidr: `${machine.privateIp}/32` }
    expect(() => host.create(order, here)).toThrow(
      expect.objectContaining({ code: 'NO_FREE_ADDRESS' }),
    )
    machine.discard()
    const fresh = host.create(order, here)
    machine = Object.assign(fresh, fresh.boot(order.facts))
    await login(machine, keys)
    expect(machine.privateIp).toBe(first.privateIp)
    expect((await ssh(machine, keys, 'sudo cat /root/file')).stderr).toContain('No such file')
    await machine.powerOff()
    machine.discard()
  })
})

test('a key that a machine made for itself stays', async () => {
  const order = request(`#cloud-config\nssh_authorized_keys: [${keys.userPublic}]\n`)
  const machine = boot(host, order)
  await machine.running
  let before: string[] = []
  const count = bootsImage ? 3 : 1
  await expect.poll(async () => (before = await presented(machine)), soon).toHaveLength(count)
  await machine.powerOff()
  bootAgain(machine, order.facts)
  await machine.running
  await expect.poll(() => presented(machine), soon).toEqual(before)
  await machine.powerOff()
})

test('a boot that lost its power begins what was left, and repeats nothing that had begun', async () => {
  const script = 'echo begun >>/var/lib/begun\nsleep infinity'
  const order = request(
    mime(
      ['text/cloud-config', cloudConfig(keys)],
      ['text/x-shellscript', `#!/bin/sh\n${script}\n`],
    ),
  )
  const machine = boot(host, order)
  await login(machine, keys)
  await expect
    .poll(async () => (await ssh(machine, keys, 'cat /var/lib/begun')).stdout, soon)
    .toBe('begun\n')
  await machine.powerOff()
  bootAgain(machine, order.facts)
  await login(machine, keys)
  await finished(machine, 1)
  expect((await ssh(machine, keys, 'cat /var/lib/begun')).stdout).toBe('begun\n')
  await machine.powerOff()
})

test('private addresses come from the range that is asked for', () => {
  const [network = ''] = host.cidr.split('/')
  const third = `${network.replace(/\d+\.0$/, (part) => String(Number(part.split('.')[0]) + 2))}.0`
  const machine = host.create(request(undefined), { cidr: `${third}/24` })
  expect(machine.privateIp.replace(/\d+$/, '0')).toBe(third)
  machine.discard()
  expect(() => host.create(request(undefined), { cidr: '10.0.0.0/24' })).toThrow(
    expect.objectContaining({ code: 'NO_FREE_ADDRESS' }),
  )
})

test('two hundred machines have addresses of one quarter', () => {
  const quarter = { cidr: host.cidr.replace(/\d+$/, '24') }
  const machines = Array.from({ length: 200 }, () => host.create(request(undefined), quarter))
  expect(new Set(machines.map(({ privateIp }) => privateIp)).size).toBe(200)
  for (const machine of machines) machine.discard()
})

test('a machine without a public address is not reached from here', async () => {
  const order = request(cloudConfig(keys))
  const hidden = boot(host, { ...order, facts: { ...order.facts, hasPublicIp: false } })
  await expect.poll(() => hidden.console(), soon).toContain('boot finished')
  expect(await listens(hidden.publicIp, hidden.sshPort)).toBe(false)
  const neighbour = boot(host, request(cloudConfig(keys)))
  await login(neighbour, keys)
  const knock = `bash -c 'read -r line </dev/tcp/${hidden.privateIp}/22; echo "$line"'`
  expect((await ssh(neighbour, keys, knock)).stdout).toMatch(/^SSH-2\.0-OpenSSH/)
  await Promise.all([hidden.powerOff(), neighbour.powerOff()])
})
