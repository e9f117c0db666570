/**
 * What a machine cannot do to the computer that it runs on, tried as root inside it.
 *
 * Nothing here harms a computer where it succeeds: reboot(2) is asked for what it would do at Ctrl-Alt-Del,
 * sysrq for its help, the clock for a change of nothing.
 */
import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir, networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import { openMachineHost } from '../../src/machine/host.ts'
import type { MachineHost } from '../../src/machine/machine.ts'
import {
  callScript,
  coreLimits,
  coreLimitScript,
  mountScript,
  mounts,
  refusedCalls,
  settings,
  settingScript,
} from './attacks.ts'
import {
  askMetadata,
  boot,
  bootsImage,
  cloudConfig,
  hasSystemd,
  listens,
  login,
  makeKeys,
  metadataToken,
  request,
  soon,
  ssh,
  type Booted,
  type Keys,
  unless,
  wantedKind,
} from './bench-kit.ts'

const exec = promisify(execFile)
const secret = `canary-${process.pid}-${Date.now()}`

let host: MachineHost
let keys: Keys
let machine: Booted
let folders: string[] = []

beforeAll(async () => {
  keys = makeKeys()
  // In the three places where people keep what must not be read: home, work tree, scratch.
  folders = [homedir(), process.cwd(), tmpdir()].map((place) =>
    mkdtempSync(join(place, '.canary-')),
  )
  for (const folder of folders) writeFileSync(join(folder, secret), secret)
  process.env['BENCHAWAY_CANARY'] = secret
  host = await openMachineHost(wantedKind)
  machine = boot(host, request(cloudConfig(keys)))
  await login(machine, keys)
}, 300_000)

afterAll(async () => {
  delete process.env['BENCHAWAY_CANARY']
  await host?.close()
  for (const folder of folders) rmSync(folder, { recursive: true })
  keys?.[Symbol.dispose]()
})

/** Standard output of a script that root runs inside; the script's own errors are part of it. */
async function root(script: string): Promise<string> {
  const { stdout, stderr } = await ssh(machine, keys, 'sudo -n sh 2>&1', { input: script })
  return (stdout + stderr).trim()
}

describe('files', () => {
  test('of homes, work trees and scratch directories are not there', async () => {
    for (const folder of folders) {
      expect(await root(`cat ${join(folder, secret)}`)).toContain('No such file or directory')
    }
    expect(await root(`find / -name '${secret}' -not -path '/proc/*' 2>/dev/null`)).toBe('')
    // systemd has folders of its own in /tmp.
    const places = ['/home', '/mnt', '/media', '/srv', '/opt', ...(hasSystemd ? [] : ['/tmp'])]
    expect(await root(`for each in ${places.join(' ')}; do ls -A $each; done`)).toBe('admin')
  })

  test.runIf(process.getuid?.() === 0)(
    'that only root may read here are not in /etc there (which only root can compare)',
    async () => {
      const list = execFileSync('sh', ['-c', 'find /etc -xdev -type f ! -perm -o=r -size +0'])
      const here = list
        .toString()
        .trim()
        .split('\n')
        // The same on every computer with that package.
        .filter((path) => path !== '/etc/sudoers' && path !== '/etc/sudoers.d/README')
      expect(here.length).toBeGreaterThan(3)
      const digests = (await root('find /etc -type f -exec sha256sum {} +')).split('\n')
      const there = new Set(digests.map((line) => line.slice(0, 64)))
      expect(there.size).toBeGreaterThan(100)
      const shown = here.filter((path) =>
        there.has(createHash('sha256').update(readFileSync(path)).digest('hex')),
      )
      expect(shown).toEqual([])
    },
  )

  test.runIf(process.getuid?.() === 0 && !bootsImage)(
    'that came or became secret here after the endpoint had started are not there (which only root can make)',
    async () => {
      const late = [`/etc/benchaway-canary.${process.pid}`, `/usr/local/src/canary.${process.pid}`]
      onTestFinished(() => {
        for (const path of late) rmSync(path, { force: true })
      })
      for (const path of late) writeFileSync(path, secret, { mode: 0o600 })
      const another = boot(host, request(cloudConfig(keys)))
      await login(another, keys)
      const look = `for each in ${late.join(' ')}; do sudo -n cat $each 2>&1 || :; done`
      const { stdout } = await ssh(another, keys, look)
      await another.powerOff()
      expect(stdout.trim().split('\n')).toEqual(
        late.map((path) => `cat: ${path}: No such file or directory`),
      )
    },
  )

  test('hold no password and no person of this computer', async () => {
    const shadow = await root('cat /etc/shadow')
    const passwords = shadow.split('\n').map((line) => line.split(':')[1])
    // None that could be given.
    expect(passwords.filter((each) => !/^!?[!*]$/.test(each ?? ''))).toEqual([])
    const people = (await root('getent passwd')).split('\n').filter((line) => {
      const id = Number(line.split(':')[2])
      return id >= 1000 && id < 65534
    })
    const name = bootsImage ? 'Debian' : 'admin'
    expect(people).toEqual([`admin:x:1000:1000:${name}:/home/admin:/bin/bash`])
    expect(await root('ls -A /usr/src /usr/local/src | grep -v ":$"')).toBe('')
  })

  test('that are changed, removed or made inside stay as they were outside', async () => {
    const before = ['/usr/bin', '/usr/bin/yes', '/etc', '/etc/passwd', '/etc/issue'].map(stamp)
    const script =
      'rm /usr/bin/yes; echo evil >>/etc/passwd; echo x >/etc/issue; touch /usr/bin/new /etc/new'
    expect(
      await root(`${script}; rm -rf /usr/share/doc; ls /usr/bin/new /etc/new; cat /etc/issue`),
    ).toBe('/etc/new\n/usr/bin/new\nx')
    const after = ['/usr/bin', '/usr/bin/yes', '/etc', '/etc/passwd', '/etc/issue'].map(stamp)
    expect(after).toEqual(before)
    expect(readdirSync('/usr/share/doc').length).toBeGreaterThan(0)
  })

  test('do not include a device of this computer', async () => {
    const usual = 'full null ptmx random tty urandom zero'.split(' ')
    const found = await root('find / -xdev -type b; find /dev /usr /etc -type b; find /dev -type c')
    const names = found
      .split('\n')
      .map((path) => path.replace('/dev/', '').replace(/^pts\/\d+$/, ''))
    expect(names.filter((name) => name !== '' && !usual.includes(name))).toEqual(['pts/ptmx'])
    expect(
      await root(
        'mknod /tmp/disk b 254 0; mknod /tmp/mem c 1 1; ls /tmp/disk /tmp/mem 2>/dev/null',
      ),
    ).toBe('mknod: /tmp/disk: Operation not permitted\nmknod: /tmp/mem: Operation not permitted')
  })
})

describe('the kernel', () => {
  let mounted: string[]
  let errnos: number[]
  let written: string[]
  let before: string[]

  beforeAll(async () => {
    before = settings.map(readIfThere)
    mounted = (await root(mountScript)).split('\n')
    written = (await root(settingScript)).split('\n')
    errnos = (await root(callScript())).split('\n').map(Number)
  })

  test.each(mounts)('refuses %s', (command) => {
    // mount's own failures; 127 would mean that it is not there.
    expect(mounted[mounts.indexOf(command)]).toMatch(/^(1|32)$/)
  })

  test.each(settings)('lets nobody write to %s', (path) => {
    const index = settings.indexOf(path)
    expect(Number(written[index])).toBeGreaterThan(0)
    expect(readIfThere(path)).toBe(before[index])
  })

  const calls = refusedCalls({ mayReboot: hasSystemd })
  test.each(calls)('refuses %s', (what, expected) => {
    expect(errnos[calls.findIndex(([name]) => name === what)]).toBe(expected)
  })

  test('has no sysrq trigger that does anything', async () => {
    // Absent, or the null device.
    const seen = await root('stat -c %F:%t:%T /proc/sysrq-trigger')
    expect(seen).toMatch(/^character special file:1:3$|No such file/)
  })

  test('gives root 12 to 14 capabilities, none of them over the computer', async () => {
    const status = await root('grep -E "^Cap(Prm|Eff|Bnd)" /proc/self/status')
    // CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT AUDIT_WRITE SETFCAP
    const kept = [0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 29, 31]
    // NET_ADMIN and SYS_BOOT, over a network and processes of its own
    if (bootsImage) kept.push(12)
    if (hasSystemd) kept.push(22)
    const mask = kept.reduce((sum, bit) => sum + 2 ** bit, 0)
    for (const line of status.split('\n'))
      expect(parseInt(line.split('\t')[1] ?? '', 16)).toBe(mask)
  })

  test('keeps its clock', async () => {
    expect(await root('date -s 2001-01-01 2>&1 | head -1')).toContain('Operation not permitted')
    expect(new Date().getFullYear()).toBeGreaterThan(2001)
  })
})

describe('processes', () => {
  test('of this computer can be neither seen nor traced', async () => {
    const names = await root('cat /proc/[0-9]*/comm | sort -u')
    expect(names).not.toMatch(/node|runc|vitest/i)
    expect(await root('cat /proc/1/cmdline | tr "\\0" " "')).toMatch(
      hasSystemd ? /^\/sbin\/init/ : /^\/bin\/sh \/usr\/lib\/local-ec2\/init/,
    )
    expect(Number(await root('ls -d /proc/[0-9]* | wc -l'))).toBeLessThan(hasSystemd ? 40 : 20)
  })

  test("do not inherit this process's environment", async () => {
    const all = await root('cat /proc/[0-9]*/environ | tr "\\0" "\\n" | sort -u')
    expect(all).toContain('PATH=')
    expect(all).not.toContain('BENCHAWAY')
    expect(all).not.toContain(secret)
  })

  test('that crash start no program of it, for which their limit has to stay 1', async () => {
    expect((await root(coreLimitScript())).replaceAll(/ +/g, ' ')).toBe(coreLimits)
  })

  test('have open none of its files', async () => {
    const open = await root('ls -l /proc/1/fd /proc/$(cat /run/sshd.pid)/fd | grep -o "[^ ]*$"')
    const systemd =
      /^(\/sys\/fs\/cgroup(\/init\.scope\/[\w.]+)?|\/run\/(initctl|cloud-init\/share\/[\w-]+)|\/usr\/lib\/systemd\/systemd-executor)$/
    const own =
      /^(\/dev\/(null|console)|(pipe|socket|anon_inode):.*|\/usr\/lib\/local-ec2\/init|0|fd:?|.*\/console|\/proc.*)$/
    const foreign = open.split('\n').filter((name) => !own.test(name))
    expect(foreign.filter((name) => !hasSystemd || !systemd.test(name))).toEqual([])
  })
})

describe('networks', () => {
  test.each([
    '169.254.169.253:80',
    '169.254.170.2:80',
    '1.1.1.1:53',
    '10.0.0.1:80',
    '192.168.1.1:80',
  ])('have no way to %s', async (address) => {
    const [ip, port] = address.split(':')
    expect(await root(`bash -c '</dev/tcp/${ip}/${port}'`)).toMatch(
      /Network is unreachable|No route to host/,
    )
  })

  test('have no way to a service of this computer', async () => {
    let visits = 0
    const server = createServer(() => visits++).listen(0, '0.0.0.0')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const ours = Object.values(networkInterfaces()).flatMap((all = []) =>
      all.flatMap(({ family, address }) => (family === 'IPv4' ? [address] : [])),
    )
    const router = `${host.cidr.split('/')[0]?.replace(/\d+$/, '1')}`
    const knocks = [...ours.filter((address) => !address.startsWith('127.')), router].map(
      (address) => `timeout 1 bash -c '</dev/tcp/${address}/${port}' && echo reached ${address}`,
    )
    const result = await root(`${knocks.join('\n')}\nip route; true`)
    server.close()
    expect(knocks.length).toBeGreaterThan(1)
    expect(result).not.toContain('reached')
    expect(result).not.toContain('default')
    expect(visits).toBe(0)
  })

  const changes = 'cannot be changed from inside'
  const others = 'an image may; tests/heavy/danger.ts has what comes of it'
  test.skipIf(bootsImage)(`${changes}${unless(bootsImage, others)}`, async () => {
    const commands = [
      'ip link set eth0 down',
      'ip addr add 198.18.0.1/24 dev eth0',
      'ip route add default dev eth0',
      'ip route delete 169.254.169.254',
      'ip neigh replace 169.254.169.254 lladdr 0a:00:00:00:00:99 dev eth0',
      'ip link set eth0 address 0a:00:00:00:00:99',
    ]
    expect(await root(commands.join('\n'))).toBe(
      commands.map(() => 'RTNETLINK answers: Operation not permitted').join('\n'),
    )
  })
})

describe('the metadata service', () => {
  let neighbour: Booted
  let token: string

  beforeAll(async () => {
    neighbour = boot(host, request(`#cloud-config\nfinal_message: ${secret}\n`))
    await neighbour.running
    token = await metadataToken(machine, keys)
  })

  test("is not this computer's own: it knows the machine and no role", async () => {
    const headers = { 'X-aws-ec2-metadata-token': token }
    const [id, role] = await askMetadata(machine, keys, [
      { path: '/latest/meta-data/instance-id', headers },
      { path: '/latest/meta-data/iam/security-credentials/', headers },
    ])
    expect(id?.body).toMatch(/^i-/)
    expect(role?.status).toBe(404)
  })

  test.each([
    {},
    { 'X-Forwarded-For': '$NEIGHBOUR' },
    { Forwarded: 'for=$NEIGHBOUR', 'X-Real-IP': '$NEIGHBOUR', 'X-Instance-ID': '$NEIGHBOUR' },
  ])('tells nothing about a neighbour to a machine that sends %o', async (more) => {
    const sent = Object.entries(more).map(
      ([name, value]) => [name, value.replace('$NEIGHBOUR', neighbour.privateIp)] as const,
    )
    const headers = { 'X-aws-ec2-metadata-token': token, ...Object.fromEntries(sent) }
    const questions = ['meta-data/local-ipv4', 'user-data'].map((path) => ({
      path: `/latest/${path}`,
      headers,
    }))
    const [ip, userData] = await askMetadata(machine, keys, questions)
    expect(ip?.body).toBe(machine.privateIp)
    expect(userData?.body).not.toContain(secret)
  })

  test("refuses who speaks from a neighbour's address, which the kernel does not let through", async () => {
    // IP_FREEBIND is 15 and IP_TRANSPARENT 19: with the first one may be bound to any address, with the second speak from it.
    const speak = (option: number, from: string): string => `use Socket;
      socket(S, AF_INET, SOCK_STREAM, 0); setsockopt(S, 0, ${option}, pack("i", 1)) or print "option: $!; ";
      bind(S, sockaddr_in(0, inet_aton("${from}"))) or do { print "bind: $!"; exit };
      $SIG{ALRM} = sub { print "silence"; exit }; alarm 2;
      connect(S, sockaddr_in(80, inet_aton("169.254.169.254"))) or do { print "connect: $!"; exit };
      syswrite(S, "GET /latest/user-data HTTP/1.0\\r\\n\\r\\n"); print <S>;`
    for (const from of [neighbour.privateIp, '169.254.169.254', '127.0.0.1', '198.18.0.1']) {
      for (const option of [15, 19]) {
        const said = await root(`perl - <<'E'\n${speak(option, from)}\nE\n`)
        expect(said).not.toContain('HTTP/1')
        expect(said).not.toContain(secret)
        expect(said).toMatch(
          /Operation not permitted|Invalid argument|Network is unreachable|Cannot assign|silence/,
        )
      }
    }
  })

  test('cannot be made unavailable to a neighbour by a machine that hangs on to it', async () => {
    const hang = `for i in $(seq 200); do exec {fd}<>/dev/tcp/169.254.169.254/80; done 2>/dev/null
      echo hanging; sleep 5`
    const hanging = ssh(machine, keys, 'bash -s', { input: hang })
    const other = boot(host, request(cloudConfig(keys)))
    await login(other, keys)
    expect(await metadataToken(other, keys)).toMatch(/^[\w-]+==$/)
    await other.powerOff()
    expect((await hanging).stdout).toContain('hanging')
  })

  test('is not reached from this computer', async () => {
    const wayTo = (address: string): Promise<string> =>
      exec('ip', ['route', 'get', address]).then(
        ({ stdout }) => stdout,
        // There is none.
        String,
      )
    const [router = ''] = host.cidr.split('/')
    for (const address of ['169.254.169.254', router.replace(/\d+$/, '1'), machine.privateIp]) {
      expect(await wayTo(address)).not.toMatch(/dev bw\d/)
    }
    // Only as root there is one address of the fabric that this computer can reach.
    if (host.kind === 'rootless') return
    const uplink = machine.publicIp.replace(/\d+\.\d+$/, (end) => `${parseInt(end) & ~3}.2`)
    expect(await wayTo(uplink)).toMatch(/dev bw\d/)
    for (const port of [22, 80]) expect(await listens(uplink, port)).toBe(false)
  })
})

describe('a disk that was stopped', () => {
  test('is no way out when its machine has put symlinks where this computer would look', async () => {
    const trap = boot(host, request(cloudConfig(keys)))
    await login(trap, keys)
    const before = ['/etc', '/tmp', '/usr'].map((path) => readdirSync(path).length)
    const script = `cd /
for each in tmp root home media mnt opt srv boot var; do mv $each $each.was; ln -s /etc $each; done
rm -rf /run/lock; ln -s /etc /run/lock; ln -s / /etc/trap`
    await ssh(trap, keys, 'sudo -n sh 2>&1', { input: script })
    await trap.powerOff()
    const facts = request(cloudConfig(keys)).facts
    Object.assign(trap, trap.boot({ ...facts, macAddress: '0a:00:00:00:01:00' }))
    await trap.running
    trap.reboot()
    await expect.poll(() => trap.console().split(' boots\n').length - 1, soon).toBe(3)
    await trap.powerOff()
    trap.discard()
    expect(['/etc', '/tmp', '/usr'].map((path) => readdirSync(path).length)).toEqual(before)
    expect((await root('echo well')).trim()).toBe('well')
  })
})

function stamp(path: string): string {
  const { ino, mtimeMs, size } = statSync(path)
  return `${path} ${ino} ${mtimeMs} ${size}`
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return 'nothing'
  }
}
