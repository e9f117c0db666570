/**
 * What root of a machine that boots an image cannot do, although it may change its own network and end itself.
 *
 * Nothing here harms a computer where it succeeds. What no machine at all can do is in `tests/machine/danger.test.ts`;
 * with BENCHAWAY_MACHINE set it runs on these kinds, too.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir, networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import {
  callScript,
  coreLimits,
  coreLimitScript,
  mounts,
  mountScript,
  refusedCalls,
  settings,
  settingScript,
} from '../machine/attacks.ts'
import { ssh } from '../machine/bench-kit.ts'
import type { HeavyKind } from './kit.ts'
import { type Guest, letsIn, type Pair } from './pair.ts'

const secret = `canary-${process.pid}-${Date.now()}`
const hasModules = existsSync('/proc/modules')

export function testsOfRoot(kind: HeavyKind, pair: () => Pair): void {
  describe('root of debian-13', () => {
    let folders: string[] = []
    beforeAll(() => {
      folders = [homedir(), process.cwd(), tmpdir()].map((place) =>
        mkdtempSync(join(place, '.canary-')),
      )
      for (const folder of folders) writeFileSync(join(folder, secret), secret)
    })
    afterAll(() => {
      for (const folder of folders) rmSync(folder, { recursive: true })
    })

    const own = (): Guest => pair().guests['debian-13']
    const neighbour = (): Guest => pair().guests['debian-12']

    /** What a script of root's prints, errors included. */
    async function root(script: string): Promise<string> {
      const { machine } = own()
      const { stdout, stderr } = await ssh(machine, pair().keys, 'sudo -n sh 2>&1', {
        input: script,
      })
      return (stdout + stderr).trim()
    }

    test('finds no file of this computer and no process of anybody else', async () => {
      expect(await root(`find / -name '${secret}' -not -path '/proc/*' 2>/dev/null`)).toBe('')
      expect(await root('cat /proc/[0-9]*/comm | sort -u')).not.toMatch(/node|runc|vitest/i)
      expect(await root('cat /proc/[0-9]*/environ | tr "\\0" "\\n"')).not.toContain('VITEST')
    })

    test('mounts nothing, writes no setting of this computer and gets no call through', async () => {
      const before = settings.map(readIfThere)
      const said = await root(`${mountScript}\n${settingScript}\n${callScript()}`)
      const codes = said.split('\n').map(Number)
      expect(codes.slice(0, mounts.length)).not.toContain(0)
      expect(codes.slice(mounts.length, mounts.length + settings.length)).not.toContain(0)
      expect(settings.map(readIfThere)).toEqual(before)
      const calls = refusedCalls({ mayReboot: kind === 'systemd' })
      const errors = codes.slice(mounts.length + settings.length)
      expect(calls.map(([what], index) => [what, errors[index]])).toEqual(calls)
    })

    test('has no process whose crash would start a program of this computer', async () => {
      expect((await root(coreLimitScript())).replaceAll(/ +/g, ' ')).toBe(coreLimits)
    })

    test('finds no file of the kernel that can be opened for writing, but a few that take nothing', async () => {
      const found = (await root(`python3 - <<'E'\n${openable}\nE\n`)).split('\n')
      expect(found.filter((path) => !isHarmless(path))).toEqual([])
    })

    test('sees only its own part of the control groups', async () => {
      const all = (await root('cat /proc/1/cgroup')).split('\n')
      // Where version 1 is mounted beside it, by which no machine has a group of its own.
      expect(all.filter((line) => !/^\d+:[\w=,]*:\/$|^0::\/(init\.scope)?$/.test(line))).toEqual([])
      expect(await root("find /sys/fs/cgroup -name 'i-*' -o -name 'local-ec2-*' 2>/dev/null")).toBe(
        '',
      )
    })

    test('reaches by netlink no interface but its own', async () => {
      // Where the other end of its interface is: the fabric's namespace, by the number that the kernel shows.
      expect(await root('ip link show eth0')).toContain('link-netnsid 0')
      expect(JSON.parse(await root(`python3 - <<'E'\n${netlink}\nE\n`))).toEqual({
        // The same requests about its own.
        own: ['lo', 'eth0', 'deleted'],
        seen: [],
        deleted: 13,
      })
      expect(await pair().inside('debian-12', 'echo well')).toBe('well')
    })

    test('reaches no service of this computer, by whatever address', async () => {
      let visits = 0
      const server = createServer(() => visits++).listen(0, '0.0.0.0')
      await new Promise((resolve) => server.once('listening', resolve))
      const address = server.address()
      const port = typeof address === 'object' ? address?.port : 0
      const ours = Object.values(networkInterfaces()).flatMap((all = []) =>
        all.flatMap(({ family, address: each }) => (family === 'IPv4' ? [each] : [])),
      )
      const router = pair().host.cidr.replace(/\d+\/.*$/, '1')
      const script = ['ip route add default via $1 dev eth0']
      for (const each of ours.filter((name) => !name.startsWith('127.'))) {
        script.push(`timeout 1 bash -c '</dev/tcp/${each}/${port}' && echo reached ${each} &`)
      }
      script.push('wait', 'ip route delete default')
      expect(await root(`set -- ${router}\n${script.join('\n')}`)).not.toContain('reached')
      server.close()
      expect(visits).toBe(0)
    })

    test('speaks in no name but its own, and has its interface back after a reboot', async () => {
      const nobody = pair().host.cidr.replace(/\d+\/.*$/, '250')
      const { order, machine } = own()
      const { order: neighbours, machine: other } = neighbour()
      const names = {
        OWN: machine.privateIp,
        OWN_MAC: order.facts.macAddress,
        NEIGHBOUR: other.privateIp,
        NEIGHBOUR_MAC: neighbours.facts.macAddress,
        NOBODY: nobody,
      }
      const variables = Object.entries(names).map(([name, value]) => `${name}=${value}\n`)
      // Its own session ends with its network: the console tells.
      const start = 'cat >/root/attack; setsid sh /root/attack >/root/said 2>&1 </dev/null &'
      await ssh(machine, pair().keys, `sudo sh -c '${start}'`, {
        input: `${variables.join('')}${impostor}`,
      })
      await expect.poll(() => machine.console(), { timeout: 60_000 }).toContain('attack is over')
      const said = new Map(
        [...machine.console().matchAll(/attack: (.*): (.*)/g)].map(([, what, how]) => [what, how]),
      )
      expect(Object.fromEntries(said)).toEqual({
        'metadata, as itself': 'HTTP/1.1 401',
        'neighbour, as itself': expect.stringMatching(/^SSH-2\.0-/),
        'metadata, as its neighbour': expect.stringMatching(silence),
        'neighbour, as nobody': expect.stringMatching(silence),
        'metadata, as its neighbour by its hardware address': expect.stringMatching(silence),
        'neighbour, as itself by its own hardware address': expect.stringMatching(silence),
        'interface, once deleted': 'gone',
      })
      machine.reboot()
      await letsIn(machine, pair().keys, 2)
      expect(await root('cat /sys/class/net/eth0/address; hostname -I')).toBe(
        `${order.facts.macAddress}\n${machine.privateIp}`,
      )
    })

    test.skipIf(!hasModules)(
      `loads no module into the kernel by asking for a device of a rare type${hasModules ? '' : ' (this kernel has no modules)'}`,
      async () => {
        const before = readFileSync('/proc/modules', 'utf8')
        await root('for type in gtp batadv can geneve; do ip link add x type $type; done')
        expect(readFileSync('/proc/modules', 'utf8')).toBe(before)
      },
    )
  })
}

const silence = /^(timed out|\[Errno (101|110|113)\] .*)$/

/** Tries one name after the other, and takes its own back in between. */
const impostor = `say() { echo "attack: $*" >/dev/console; }
ask() { python3 -c '
import socket, sys
s = socket.socket()
s.settimeout(20 if sys.argv[4:] else 0.5)
try:
    s.bind((sys.argv[1], 0))
    s.connect((sys.argv[2], int(sys.argv[3])))
    s.send(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    print(s.recv(12).decode().strip())
except OSError as error:
    print(error)
' "$@"; }
# Its own session is over: what that says last would wait for an answer, and its client for half a minute.
until [ -z "$(ss -Htn state established sport = :22)" ]; do sleep 0.05; done
become() {
  ip link set eth0 down
  ip link set eth0 address $1
  ip link set eth0 up
  ip route replace 169.254.0.0/16 dev eth0
  ip neigh replace 169.254.169.254 lladdr 02:00:a9:fe:a9:fe dev eth0
  ip neigh replace $NEIGHBOUR lladdr $NEIGHBOUR_MAC dev eth0
}
META=169.254.169.254
become $OWN_MAC
say "metadata, as itself: $(ask $OWN $META 80 patiently)"
say "neighbour, as itself: $(ask $OWN $NEIGHBOUR 22 patiently)"
ip address add $NEIGHBOUR/32 dev eth0
say "metadata, as its neighbour: $(ask $NEIGHBOUR $META 80)"
ip address delete $NEIGHBOUR/32 dev eth0
ip address add $NOBODY/32 dev eth0
become $OWN_MAC
say "neighbour, as nobody: $(ask $NOBODY $NEIGHBOUR 22)"
become 0a:00:00:00:77:77
say "neighbour, as itself by its own hardware address: $(ask $OWN $NEIGHBOUR 22)"
ip address add $NEIGHBOUR/32 dev eth0
become $NEIGHBOUR_MAC
say "metadata, as its neighbour by its hardware address: $(ask $NEIGHBOUR $META 80)"
ip link delete eth0
say "interface, once deleted: $(ip link show eth0 2>/dev/null || echo gone)"
echo 'attack is over' >/dev/console
`

/** Asks for the names of all interfaces, and to delete one, here and in the namespace that is number 0 here. */
const netlink = `import json, socket, struct
def attribute(kind, data):
    size = 4 + len(data)
    return struct.pack('HH', size, kind) + data + b'\\0' * (-size % 4)
def talk(kind, flags, body):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    s.send(struct.pack('IHHII', 16 + len(body), kind, flags, 1, 0) + body)
    names = []
    while True:
        data = s.recv(65536)
        while data:
            size, what = struct.unpack_from('IH', data)
            body, data = data[16:size], data[(size + 3) & ~3:]
            if what == 2: return -struct.unpack_from('i', body)[0]
            if what == 3: return names
            at = 16
            while at + 4 <= len(body):
                length, field = struct.unpack_from('HH', body, at)
                if length < 4: break
                if field == 3: names.append(body[at + 4:at + length - 1].decode())
                at += (length + 3) & ~3
header = struct.pack('BBHiII', 0, 0, 0, 0, 0, 0)
there = attribute(46, struct.pack('i', 0))
LIST, DELETE, DUMP, ACK = 18, 17, 0x301, 5
name = lambda text: attribute(3, text + b'\\0')
import subprocess
subprocess.run(['ip', 'link', 'add', 'spare', 'type', 'veth', 'peer', 'name', 'other'])
own = [each for each in talk(LIST, DUMP, header) if each in ('lo', 'eth0')]
if talk(DELETE, ACK, header + name(b'spare')) == 0: own.append('deleted')
seen = talk(LIST, DUMP, header + there)
print(json.dumps({'own': own, 'seen': seen if isinstance(seen, list) else [], 'deleted': talk(DELETE, ACK, header + name(b'uplink') + there)}))
`

/** Prints each file of the kernel's file systems that opens for writing, without writing to it. */
const openable = `import os, stat
for top in ('/proc', '/sys'):
    for folder, folders, files in os.walk(top):
        if folder == '/proc': folders[:] = [each for each in folders if not each.isdigit() and each not in ('self', 'thread-self')]
        if folder == '/sys/fs': folders[:] = []
        for each in files:
            path = os.path.join(folder, each)
            if not stat.S_ISREG(os.lstat(path).st_mode): continue
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
                print(path)
            except OSError: pass
`

/** What the kernel only shows, although it opens, and what anybody may ask to be told about. */
const isHarmless = (path: string): boolean =>
  /^\/proc\/(\w+(\.gz)?|(tty|sysvipc|pressure)\/[\w/]+)$/.test(path) &&
  !/sysrq|mtrr|timer_stats|latency|kcore|profile/.test(path)

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return 'nothing'
  }
}
