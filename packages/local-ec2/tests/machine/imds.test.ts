/** The metadata service as a machine meets it, and what only a network can do: hop limits, and who is who. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openMachineHost } from '../../src/machine/host.ts'
import type { MachineFacts, MachineHost } from '../../src/machine/machine.ts'
import {
  askMetadata,
  boot,
  bootAgain,
  type Booted,
  cloudConfig,
  type Keys,
  login,
  makeKeys,
  metadataToken,
  mime,
  type Order,
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

type Metadata = MachineFacts['metadata']

const withMetadata = (facts: MachineFacts, metadata: Partial<Metadata>): MachineFacts => ({
  ...facts,
  metadata: { ...facts.metadata, ...metadata },
})

describe('two machines', () => {
  let order: Order
  let machine: Booted
  let other: Booted
  let token: string

  beforeAll(async () => {
    order = request(cloudConfig(keys))
    machine = boot(host, order)
    other = boot(host, request(cloudConfig(keys)))
    await Promise.all([login(machine, keys), login(other, keys)])
    token = await metadataToken(machine, keys)
  })

  interface Options {
    from?: Booted
    headers?: Record<string, string>
  }
  const get = async (
    path: string,
    { from = machine, headers = { 'X-aws-ec2-metadata-token': token } }: Options = {},
  ): Promise<string> => {
    const [answer] = await askMetadata(from, keys, [{ path: `/latest/${path}`, headers }])
    return answer === undefined ? 'nothing' : `${answer.status} ${answer.body}`
  }

  test('learn about themselves and not about each other', async () => {
    const base = 'meta-data/network/interfaces/macs'
    expect(await get('meta-data/instance-id')).toBe(`200 ${order.instanceId}`)
    expect(await get('meta-data/local-ipv4')).toBe(`200 ${machine.privateIp}`)
    expect(await get('meta-data/public-ipv4')).toBe(`200 ${machine.publicIp}`)
    expect(await get(`${base}/`)).toBe(`200 ${order.facts.macAddress}/`)
    const { stdout } = await ssh(machine, keys, 'cat /sys/class/net/eth0/address; hostname')
    expect(stdout).toBe(`${order.facts.macAddress}\n${order.hostname}\n`)
    expect(await get('meta-data/local-hostname')).toBe(`200 ${order.hostname}.ec2.internal`)
    const headers = { 'X-aws-ec2-metadata-token': await metadataToken(other, keys) }
    expect(await get('meta-data/local-ipv4', { from: other, headers })).toBe(
      `200 ${other.privateIp}`,
    )
  })

  test('get their own user-data', async () => {
    expect(await get('user-data')).toBe(`200 ${cloudConfig(keys)}`)
  })

  test("cannot use each other's tokens, or none", async () => {
    expect(await get('meta-data/instance-id', { from: other })).toBe('401 ')
    expect(await get('meta-data/instance-id', { headers: {} })).toBe('401 ')
  })

  test('are told what has changed while they run', async () => {
    const changed = withMetadata(order.facts, { httpTokens: 'optional', instanceTags: 'enabled' })
    machine.learn({ ...changed, tags: new Map([['Name', 'new']]) })
    await expect
      .poll(() => get('meta-data/tags/instance/Name', { headers: {} }), soon)
      .toBe('200 new')
    machine.learn(withMetadata(order.facts, { httpEndpoint: 'disabled' }))
    await expect.poll(() => get('meta-data/instance-id'), soon).toMatch(/^403 /)
    machine.learn({
      ...order.facts,
      interruption: { action: 'terminate', time: new Date('2026-11-22T05:06:07Z') },
    })
    await expect
      .poll(() => get('meta-data/spot/termination-time'), soon)
      .toBe('200 2026-11-22T05:06:07Z')
    machine.learn(order.facts)
    await expect.poll(() => get('meta-data/spot/termination-time'), soon).toMatch(/^404 /)
  })

  // IP_MINTTL is 21 on every Linux: the kernel drops what comes with less.
  const reaches = (hops: number): Promise<string> =>
    ssh(machine, keys, 'perl -', {
      input: `use Socket; socket(S, AF_INET, SOCK_STREAM, 0); setsockopt(S, 0, 21, pack("i", ${hops})) or die;
        $SIG{ALRM} = sub { print "no"; exit }; alarm 1;
        print connect(S, sockaddr_in(80, inet_aton("169.254.169.254"))) ? "yes" : "error $!";`,
    }).then(({ stdout }) => stdout)

  test.each([1, 2, 64])('hear an answer as far as %d hops and no further', async (hopLimit) => {
    machine.learn(withMetadata(order.facts, { hopLimit }))
    await expect.poll(() => reaches(hopLimit), soon).toBe('yes')
    await expect.poll(() => reaches(hopLimit + 1), soon).toBe('no')
  })
})

test('a token is of no use after a stop, and the metadata are of the new boot', async () => {
  const order = request(cloudConfig(keys))
  const machine = boot(host, order)
  await login(machine, keys)
  const headers = { 'X-aws-ec2-metadata-token': await metadataToken(machine, keys) }
  await machine.powerOff()
  bootAgain(machine, { ...order.facts, instanceType: 'c8i.large' })
  await login(machine, keys)
  const path = '/latest/meta-data/instance-type'
  const [stale] = await askMetadata(machine, keys, [{ path, headers }])
  expect(stale?.status).toBe(401)
  const fresh = { 'X-aws-ec2-metadata-token': await metadataToken(machine, keys) }
  const [type, ip] = await askMetadata(machine, keys, [
    { path, headers: fresh },
    { path: '/latest/meta-data/public-ipv4', headers: fresh },
  ])
  expect(type?.body).toBe('c8i.large')
  expect(ip?.body).toBe(machine.publicIp)
  await machine.powerOff()
})

test('disable_ec2_metadata closes the way to it once sshd runs, at every boot, and hooks still reach it', async () => {
  const hook = `#cloud-boothook
#!/bin/bash
if exec 3<>/dev/tcp/169.254.169.254/80; then echo open; else echo closed; fi >>/var/lib/seen 2>&1
`
  const script = `#!/bin/bash
(exec 3<>/dev/tcp/169.254.169.254/80) 2>/var/lib/script && echo open >/var/lib/script
`
  const order = request(
    mime(
      ['text/cloud-boothook', hook],
      ['text/cloud-config', cloudConfig(keys, 'disable_ec2_metadata: true\n')],
      ['text/x-shellscript', script],
    ),
  )
  const machine = boot(host, order)
  await login(machine, keys)
  await expect.poll(() => machine.console(), soon).toContain('boot finished')
  const read = async (): Promise<string> =>
    (await ssh(machine, keys, 'cat /var/lib/seen /var/lib/script')).stdout
  expect(await read()).toMatch(/^open\n.*Permission denied\n$/s)
  const closed = "sudo bash -c '</dev/tcp/169.254.169.254/80'; sudo ip route | grep prohibit"
  expect(await ssh(machine, keys, closed)).toMatchObject({
    stdout: 'prohibit 169.254.169.254 \n',
    stderr: expect.stringContaining('Permission denied'),
  })
  // The limit of a route, here as on EC2: for a socket that is bound to an interface (25 is SO_BINDTODEVICE), which
  // anybody may do, the kernel takes any address without a way for a neighbour's.
  const bound = await ssh(machine, keys, 'perl -', {
    input: `use Socket; socket(S, AF_INET, SOCK_STREAM, 0); setsockopt(S, SOL_SOCKET, 25, "eth0") or die "$!";
      print connect(S, sockaddr_in(80, inet_aton("169.254.169.254"))) ? "open" : "$!";`,
  })
  expect(bound).toMatchObject({ stdout: 'open', stderr: '' })
  machine.reboot()
  await expect.poll(() => machine.console().split('boot finished').length - 1, soon).toBe(2)
  await login(machine, keys)
  expect(await read()).toMatch(/^open\nopen\n/)
  expect((await ssh(machine, keys, closed)).stderr).toContain('Permission denied')
  await machine.powerOff()
})

test("a key pair's key opens the default user's door, beside those of the user-data", async () => {
  const order = request(
    cloudConfig(keys).replace(/(ssh_authorized_keys:\n).*\n/, '$1  - ssh-rsa X\n'),
  )
  const keyPairs = [{ name: 'pair', publicKey: `${keys.userPublic} pair` }]
  const machine = boot(host, { ...order, facts: { ...order.facts, keyPairs } })
  await login(machine, keys)
  const { stdout } = await ssh(
    machine,
    keys,
    'cat .ssh/authorized_keys; sudo cat /root/.ssh/authorized_keys',
  )
  const lines = stdout.trimEnd().split('\n')
  // cloud-init itself writes them in any order.
  const both = [`${keys.userPublic} pair`, 'ssh-rsa X']
  expect(lines.slice(0, 2).toSorted()).toEqual(both)
  const [refusals, refused] = [0, 1].map((half) =>
    lines.slice(2).map((line) => line.split('exit 142" ')[half] ?? ''),
  )
  expect(refusals).toEqual(
    both.map(() => expect.stringContaining(String.raw`Please login as the user \"admin\" rather`)),
  )
  expect(refused?.toSorted()).toEqual(both)
  await machine.powerOff()
})
