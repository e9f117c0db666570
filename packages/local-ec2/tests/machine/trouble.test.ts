/** Machines that fail on purpose. Each failure is a real one, and ends with the machine's power. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openMachineHost } from '../../src/machine/host.ts'
import type { BootTroubles, MachineHost } from '../../src/machine/machine.ts'
import {
  boot,
  bootAgain,
  type Booted,
  bootsImage,
  cloudConfig,
  type Keys,
  listens,
  login,
  makeKeys,
  type Order,
  presented,
  request,
  soon,
  ssh,
  wantedKind,
} from './bench-kit.ts'

let host: MachineHost
let keys: Keys
let neighbour: Booted

beforeAll(async () => {
  keys = makeKeys()
  host = await openMachineHost(wantedKind)
  neighbour = boot(host, request(cloudConfig(keys)))
  await login(neighbour, keys)
}, 300_000)

afterAll(async () => {
  await host?.close()
  keys?.[Symbol.dispose]()
})

const troubled = (troubles: BootTroubles): Order => ({ ...request(cloudConfig(keys)), troubles })

async function up(): Promise<{ machine: Booted; order: Order }> {
  const order = request(cloudConfig(keys))
  const machine = boot(host, order)
  await login(machine, keys)
  return { machine, order }
}

/** Whether the machine's kernel refuses port 9 and its sshd sends a banner, seen by its neighbour within two seconds. */
async function seen({ privateIp }: Booted): Promise<{ answers: boolean; banner: string }> {
  const { stdout } = await ssh(
    neighbour,
    keys,
    `timeout 2 bash -c '</dev/tcp/${privateIp}/9' 2>&1 | grep -q refused; echo $?
    timeout 2 bash -c 'read -r line </dev/tcp/${privateIp}/22; echo "$line"' 2>&1`,
  )
  const [code, ...banner] = stdout.trim().split('\n')
  return { answers: code === '0', banner: banner.join('\n') }
}

interface Session {
  /** ssh's exit code, once it is over. */
  code: number | undefined
  over: Promise<number>
}

/** A session that stays open until the machine or the network ends it. */
async function session(machine: Booted): Promise<Session> {
  const over = ssh(machine, keys, 'sleep infinity').then(({ code }) => code)
  const open: Session = { code: undefined, over }
  void over.then((code) => (open.code = code))
  const isIn = async (): Promise<number> =>
    (await ssh(machine, keys, 'pgrep -x sleep -u admin')).code
  await expect.poll(isIn, soon).toBe(0)
  return open
}

async function isHealthyAgain(machine: Booted, order: Order): Promise<void> {
  await machine.powerOff()
  expect(await machine.off).toEqual({ reason: 'unplugged' })
  bootAgain(machine, order.facts)
  await login(machine, keys)
  expect(await seen(machine)).toEqual({ answers: true, banner: expect.stringMatching(/^SSH-/) })
  await machine.powerOff()
}

describe('a machine that never boots', () => {
  test('is silent until its plug is pulled', async () => {
    const machine = boot(host, troubled({ neverBoots: true }))
    let isUp = false
    void machine.running.then(() => (isUp = true))
    const healthy = await up()
    expect(isUp).toBe(false)
    expect(machine.console()).toBe('')
    expect(await listens(machine.publicIp, machine.sshPort)).toBe(false)
    machine.reboot()
    await machine.powerOff()
    expect(await machine.off).toEqual({ reason: 'unplugged' })
    expect(isUp).toBe(false)
    await healthy.machine.powerOff()
  })
})

describe('a machine that boots late', () => {
  test('is silent for so long and then like any other', async () => {
    const begin = performance.now()
    const machine = boot(host, troubled({ bootDelayMs: 1500 }))
    expect(await listens(machine.publicIp, machine.sshPort)).toBe(false)
    await login(machine, keys)
    expect(performance.now() - begin).toBeGreaterThan(1500)
    await machine.powerOff()
  })

  test('is off at once when its plug is pulled meanwhile', async () => {
    const machine = boot(host, troubled({ bootDelayMs: 3_600_000 }))
    await machine.powerOff()
    expect(await machine.off).toEqual({ reason: 'unplugged' })
  })
})

test('a machine with a wrong host key presents only that, and never the one it was given', async () => {
  const order = troubled({ wrongHostKey: true })
  const machine = boot(host, order)
  const own = keys.hostPublic.split(' ').slice(0, 2).join(' ')
  let found: string[] = []
  await expect.poll(async () => (found = await presented(machine)), soon).toHaveLength(1)
  expect(found[0]).toMatch(/^ssh-ed25519 /)
  expect(found).not.toContain(own)
  expect((await ssh(machine, keys, 'true')).stderr).toContain(
    'REMOTE HOST IDENTIFICATION HAS CHANGED',
  )
  await machine.powerOff()
})

test('a machine whose sshd stops ends its sessions and refuses new ones, and runs on', async () => {
  const { machine, order } = await up()
  const open = await session(machine)
  await machine.trouble('sshd-stops')
  expect(await open.over).toBe(255)
  const { answers, banner } = await seen(machine)
  expect(answers).toBe(true)
  expect(banner).toContain('Connection refused')
  // Whoever watches over sshd does not bring it back.
  expect(await seen(machine)).toEqual({ answers, banner })
  await isHealthyAgain(machine, order)
})

test('a machine cannot keep its sshd by programs of its own under well-known names', async () => {
  const { machine } = await up()
  const script = `for each in /bin/timeout /bin/kill /bin/sleep /lib/local-ec2/systemctl; do
    rm /usr$each; printf '#!/bin/sh\\nexec tail -f /dev/null\\n' >/usr$each; chmod 755 /usr$each
  done`
  await ssh(machine, keys, 'sudo sh', { input: script })
  await machine.trouble('sshd-stops')
  expect((await seen(machine)).banner).toContain('Connection refused')
  await machine.powerOff()
})

test('a machine that freezes answers, accepts connections and says nothing', async () => {
  const { machine, order } = await up()
  await ssh(
    machine,
    keys,
    `sudo sh -c 'while :; do date +%s%N >/var/lib/clock; done >/dev/null 2>&1 </dev/null &'`,
  )
  await machine.trouble('freezes')
  expect(await seen(machine)).toEqual({ answers: true, banner: '' })
  machine.reboot()
  await login(machine, keys)
  await machine.trouble('freezes')
  await isHealthyAgain(machine, order)
})

test('a machine that loses its network is silent, also after a reboot, and its sessions hang', async () => {
  const { machine, order } = await up()
  const open = await session(machine)
  await machine.trouble('loses-network')
  const nothing = await seen(machine)
  expect(nothing.answers).toBe(false)
  expect(nothing.banner).not.toContain('SSH')
  expect(open.code).toBeUndefined()
  machine.reboot()
  // cloud-init itself waits minutes for its metadata service.
  const sign = bootsImage ? ' boots\n' : 'boot finished'
  await expect.poll(() => machine.console().split(sign).length - 1, soon).toBe(2)
  expect((await seen(machine)).answers).toBe(false)
  await isHealthyAgain(machine, order)
}, 60_000)

test('a machine that is in trouble before it is up has it when it is up', async () => {
  const machine = boot(host, request(cloudConfig(keys)))
  let isUp = false
  void machine.running.then(() => (isUp = true))
  await machine.trouble('loses-network')
  expect(isUp).toBe(true)
  expect((await seen(machine)).answers).toBe(false)
  const silent = boot(host, troubled({ neverBoots: true }))
  const waiting = silent.trouble('freezes')
  await silent.powerOff()
  await waiting
  await machine.powerOff()
})

test('a machine whose disk is full can write nothing more, neither as root nor with a reboot', async () => {
  const { machine, order } = await up()
  const places = ['/root', '/usr', '/etc', '/home/admin', '/var/tmp', '/var/lib/dpkg']
  let count = 0
  const write = async (): Promise<string> => {
    const name = `f${count++}`
    const lines = places.map((place) => `head -c 8192 /dev/zero >${place}/${name} && echo wrote\n`)
    return (await ssh(machine, keys, 'sudo sh 2>/dev/null', { input: lines.join('') })).stdout
  }
  const everywhere = 'wrote\n'.repeat(places.length)
  expect(await write()).toBe(everywhere)
  // Written to all the while.
  await ssh(
    machine,
    keys,
    `sudo sh -c 'while head -c 100000 /dev/zero >>/var/grows; do :; done >/dev/null 2>&1 </dev/null &'`,
  )
  await machine.trouble('disk-full')
  expect(await write()).toBe('')
  const { stderr } = await ssh(machine, keys, 'echo x | sudo tee -a /var/grows')
  expect(stderr).toContain('No space left on device')
  expect((await ssh(machine, keys, 'echo fine | sudo tee /run/f')).stdout).toBe('fine\n')
  machine.reboot()
  await expect.poll(() => machine.console().split(' boots\n').length - 1, soon).toBe(2)
  await login(machine, keys)
  const full = await ssh(machine, keys, 'echo x | sudo tee -a /root/new')
  expect(full.stderr).toContain('No space left on device')
  await machine.powerOff()
  bootAgain(machine, order.facts)
  await login(machine, keys)
  expect(await write()).toBe(everywhere)
  await machine.powerOff()
})

test('trouble with a machine that is off is none', async () => {
  const machine = host.create(request(undefined))
  await machine.trouble('disk-full')
  machine.reboot()
  await machine.powerOff()
  machine.learn(request(undefined).facts)
  expect(machine.console()).toBe('')
  machine.discard()
})

test('a machine has as much disk as it was launched with', async () => {
  const machine = boot(host, { ...request(cloudConfig(keys)), diskGib: 1 })
  await login(machine, keys)
  const size = await ssh(machine, keys, 'df -B1 --output=size / | tail -1')
  expect(Number(size.stdout)).toBe(2 ** 30)
  await machine.powerOff()
})

test('the neighbour of all of them is well', async () => {
  expect((await ssh(neighbour, keys, 'echo well')).stdout).toBe('well\n')
})
