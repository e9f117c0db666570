import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openMachineHost } from '../../src/machine/host.ts'
import type { MachineHost } from '../../src/machine/machine.ts'
import {
  boot,
  cloudConfig,
  hasSystemd,
  listens,
  login,
  makeKeys,
  mime,
  presented,
  request,
  soon,
  ssh,
  type Booted,
  type Keys,
  type SshResult,
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

describe('one machine', () => {
  let machine: Booted
  let refusal: Promise<SshResult>

  beforeAll(async () => {
    machine = boot(host, request(cloudConfig(keys, 'runcmd:\n  - touch /var/lib/ran\n')))
    await login(machine, keys)
    refusal = ssh(machine, keys, 'id', { user: 'root' })
  })

  test("lets OpenSSH's client log in as the default user, and become root", async () => {
    const { stdout } = await ssh(machine, keys, 'id -un; sudo -n id -u; echo "$HOME"; tty')
    expect(stdout).toBe('admin\n0\n/home/admin\nnot a tty\n')
  })

  test('asks nobody for a password', async () => {
    const { stderr } = await ssh(machine, keys, 'true', { user: 'nobody-at-all' })
    expect(stderr).toContain('Permission denied (publickey).')
  })

  test('has a terminal for who asks for one', async () => {
    const { stdout } = await ssh(machine, keys, 'script -qec tty /dev/null')
    expect(stdout).toMatch(/^\/dev\/pts\/\d+\r\n$/)
  })

  test('starts no program from /run, which Debian mounts noexec', async () => {
    const { stdout } = await ssh(
      machine,
      keys,
      'sudo install -m 755 /usr/bin/true /run/true; sudo sh -c /run/true 2>/dev/null; echo $?',
    )
    expect(stdout).toBe('126\n')
  })

  test('has been up for less time than this computer', async () => {
    const { stdout } = await ssh(machine, keys, 'cut -d. -f1 /proc/uptime')
    expect(Number(stdout)).toBeLessThan(60)
  })

  test('has its own host name, address and identity', async () => {
    const { stdout } = await ssh(machine, keys, 'hostname; hostname -I; cat /etc/machine-id')
    const [name, address, id] = stdout.trim().split('\n')
    expect(name).toMatch(/^ip-10-0-0-/)
    expect(address?.trim()).toBe(machine.privateIp)
    expect(id).toMatch(/^[0-9a-f]{32}$/)
  })

  test('has exactly the host key that it was given', async () => {
    const { stdout } = await ssh(machine, keys, "sudo sh -c 'ls -l /etc/ssh; cat /etc/ssh/*.pub'")
    expect(stdout).toContain('-rw------- 1 root root')
    expect(stdout.match(/ssh_host_\w+/g)).toEqual(['ssh_host_ed25519_key', 'ssh_host_ed25519_key'])
    expect(stdout.trimEnd().endsWith(keys.hostPublic)).toBe(true)
  })

  test('runs runcmd after sshd, and says on its console when it is done', async () => {
    await expect.poll(() => machine.console(), soon).toContain('local-ec2: boot finished')
    expect((await ssh(machine, keys, 'test -e /var/lib/ran')).code).toBe(0)
  })

  test('keeps a session while sshd is restarted with another host key', async () => {
    const script = [
      'set -e; umask 077; cd /etc/ssh',
      'ssh-keygen -q -t ed25519 -N "" -C fresh -f K.new',
      'mv K.new.pub ssh_host_ed25519_key.pub; mv K.new ssh_host_ed25519_key',
      'systemctl restart ssh.service; systemctl is-active sshd; cat ssh_host_ed25519_key.pub',
    ].join('\n')
    const { stdout } = await ssh(machine, keys, 'sudo -n bash -s', { input: script })
    const [state, fresh = ''] = stdout.trim().split('\n')
    expect(state).toBe('active')
    expect((await ssh(machine, keys, 'true')).stderr).toContain(
      'REMOTE HOST IDENTIFICATION HAS CHANGED',
    )
    const next = { ...keys, hostPublic: fresh }
    expect((await ssh(machine, next, 'echo again')).stdout).toBe('again\n')
  })

  // As cloud-init does it, with ten seconds to read: begun before the other tests, over after them.
  test('tells root to log in as the default user', async () => {
    expect(await refusal).toMatchObject({
      stdout: 'Please login as the user "admin" rather than the user "root".\n\n',
      code: 142,
    })
  }, 20_000)
})

test('presents no other host key than the one it was given, from its first moment', async () => {
  const machine = boot(host, request(cloudConfig(keys)))
  const seen = new Set<string>()
  for (let after = 0; after < 5; after += Math.min(seen.size, 1)) {
    for (const key of await presented(machine)) seen.add(key)
  }
  expect([...seen]).toEqual([keys.hostPublic.split(' ').slice(0, 2).join(' ')])
  await machine.powerOff()
})

test('makes host keys of its own when it is given none', async () => {
  const machine = boot(host, request(`#cloud-config\nssh_authorized_keys: [${keys.userPublic}]\n`))
  await machine.running
  let found: string[] = []
  await expect.poll(async () => (found = await presented(machine)), soon).not.toHaveLength(0)
  expect(found).not.toContain(keys.hostPublic)
  const own = { ...keys, hostPublic: found.find((key) => key.startsWith('ssh-ed25519')) ?? '' }
  expect((await ssh(machine, own, 'echo in')).stdout).toBe('in\n')
})

test('two machines reach each other by their private addresses', async () => {
  const [a, b] = [boot(host, request(cloudConfig(keys))), boot(host, request(cloudConfig(keys)))]
  await Promise.all([login(a, keys), login(b, keys)])
  const { stdout } = await ssh(
    a,
    keys,
    `bash -c 'read -r line </dev/tcp/${b.privateIp}/22; echo "$line"'`,
  )
  expect(stdout).toMatch(/^SSH-2\.0-OpenSSH/)
  await Promise.all([a.powerOff(), b.powerOff()])
})

test('runs boothooks before sshd listens', async () => {
  const hook = [
    '#cloud-boothook',
    '#!/bin/bash',
    '(echo >/dev/tcp/127.0.0.1/22) 2>/dev/null && echo open >/run/hook || echo closed >/run/hook',
    'echo "$INSTANCE_ID" >>/run/hook',
  ].join('\n')
  const order = request(
    mime(['text/cloud-boothook', hook], ['text/cloud-config', cloudConfig(keys)]),
  )
  const machine = boot(host, order)
  await login(machine, keys)
  expect((await ssh(machine, keys, 'cat /run/hook')).stdout).toBe(`closed\n${order.instanceId}\n`)
  await machine.powerOff()
})

test('watches a service that a boothook installs, and starts it again when it is killed', async () => {
  const hook = `#cloud-boothook
#!/bin/bash
cat >/usr/local/sbin/watcher <<'EOS'
#!/bin/bash
echo $$ >>/run/watcher.pids
read -r _ < <(sleep infinity)
EOS
chmod 755 /usr/local/sbin/watcher
cat >/etc/systemd/system/watcher.service <<'EOS'
[Unit]
DefaultDependencies=no
[Service]
ExecStart=/usr/local/sbin/watcher
Restart=always
RestartSec=0
EOS
systemctl daemon-reload
systemctl start --no-block watcher.service
`
  const machine = boot(
    host,
    request(mime(['text/cloud-boothook', hook], ['text/plain', cloudConfig(keys)])),
  )
  await login(machine, keys)
  const run = async (command: string): Promise<string> =>
    (await ssh(machine, keys, command)).stdout.trim()
  await expect.poll(() => run('systemctl is-active watcher'), soon).toBe('active')
  const first = await run('cat /run/watcher.pids')
  await run(`sudo kill -9 ${first}`)
  await expect
    .poll(async () => (await run('cat /run/watcher.pids')).split('\n').length, soon)
    .toBe(2)
  await expect.poll(() => run('systemctl is-active watcher'), soon).toBe('active')
  await run('sudo systemctl stop watcher')
  expect(await run('systemctl is-active watcher; pgrep -c watcher')).toBe('inactive\n0')
  await machine.powerOff()
})

const shimName = 'systemctl does what user-data asks of services, and says what it does not do'
test.skipIf(hasSystemd)(`${shimName}${unless(hasSystemd, "it is systemd's own")}`, async () => {
  const machine = boot(host, request(cloudConfig(keys)))
  await login(machine, keys)
  const unit = (name: string, ...lines: string[]): string =>
    `printf '%s\\n' '[Service]' ${lines.map((line) => `'${line}'`).join(' ')} >/etc/systemd/system/${name}.service`
  const script = [
    unit('once', 'Type=oneshot', 'RemainAfterExit=yes', 'ExecStart=/usr/bin/touch /run/once'),
    unit('bad', 'ExecStartPre=/bin/false', 'ExecStart=/bin/sleep infinity'),
    unit(
      'who',
      'User=admin',
      'Environment="A=x y" B=z',
      'WorkingDirectory=/usr',
      'ExecStart=/bin/sh -c "echo $USER $PWD $A $B \\',
      '  >/tmp/who; exec sleep infinity"',
      'ExecReload=/bin/sh -c "echo $MAINPID >/tmp/who.reloaded"',
    ),
    // What is stopped as soon as it is started may not have begun yet.
    unit('late', 'EnvironmentFile=/tmp/late', 'ExecStart=/bin/sleep infinity'),
    'echo sleep 0.3 >/tmp/late; systemctl start late; systemctl stop late; systemctl is-active late',
    'systemctl start once; echo $? $(systemctl is-active once) $(ls /run/once)',
    'systemctl start bad 2>&1; echo $? $(systemctl is-active bad) $(systemctl is-failed bad)',
    'systemctl enable --now who; echo $? $(systemctl is-active who)',
    'until [ -s /tmp/who ]; do sleep 0.01; done; cat /tmp/who; stat -c %U /tmp/who',
    'systemctl reload who; kill -0 $(cat /tmp/who.reloaded) && echo reloaded',
    'systemctl restart who; systemctl is-active who; systemctl stop who; systemctl is-active who',
    'systemctl start absent 2>&1; echo $?',
    'systemctl list-timers 2>&1; echo $?',
    'systemctl start x.socket 2>&1; echo $?',
  ].join('\n')
  const { stdout } = await ssh(machine, keys, 'sudo -n bash -s', { input: script })
  expect(stdout.split('\n')).toEqual([
    'inactive',
    '0 active /run/once',
    'local-ec2: Job for bad.service failed.',
    '1 failed failed',
    '0 active',
    'admin /usr x y z',
    'admin',
    'reloaded',
    'active',
    'inactive',
    'local-ec2: Unit absent.service not found.',
    '5',
    "local-ec2: systemctl: 'list-timers' is not supported here",
    '1',
    'local-ec2: x.socket: only services are supported',
    '1',
    '',
  ])
  await machine.powerOff()
})

describe('the end of a machine', () => {
  const commands = ['poweroff', 'systemctl poweroff -ff', 'shutdown -h now', 'halt -p']
  test.each(commands)('%s from inside', async (command) => {
    const machine = boot(host, request(cloudConfig(keys)))
    await login(machine, keys)
    void ssh(machine, keys, `sudo ${command}`)
    expect(await machine.off).toEqual({ reason: 'poweroff' })
    expect(machine.console()).toContain('local-ec2: powered off\n')
    expect(await listens(machine.publicIp, machine.sshPort)).toBe(false)
  })

  test('is not for the default user to bring about without sudo', async () => {
    const machine = boot(host, request(cloudConfig(keys)))
    await login(machine, keys)
    expect(await ssh(machine, keys, 'systemctl poweroff')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        hasSystemd ? /^Call to PowerOff failed: / : /^local-ec2: systemctl: must be root\n$/,
      ),
    })
    await machine.powerOff()
    expect(await machine.off).toEqual({ reason: 'unplugged' })
  })

  test('comes when the plug is pulled, at any moment', async () => {
    const early = boot(host, request(cloudConfig(keys)))
    await early.powerOff()
    expect(await early.off).toEqual({ reason: 'unplugged' })
    const later = boot(host, request(cloudConfig(keys)))
    await later.running
    await Promise.all([later.powerOff(), later.powerOff()])
    await later.powerOff()
    expect(await later.off).toEqual({ reason: 'unplugged' })
  })

  test('is there at once for a machine that is asked for after the host was closed', async () => {
    const closed = await openMachineHost(wantedKind)
    await closed.close()
    const machine = boot(closed, request(cloudConfig(keys)))
    expect(await machine.off).toEqual({ reason: 'unplugged' })
    await machine.powerOff()
    expect(await machine.off).toEqual({ reason: 'unplugged' })
  })
})
