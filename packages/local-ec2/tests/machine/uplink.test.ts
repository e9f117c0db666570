/** The link between this computer and the machines' router, whose name comes round again. */
import { execFile } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { promisify } from 'node:util'

import { expect, onTestFinished, test } from 'vitest'

import { openMachineHost } from '../../src/machine/host.ts'
import type { MachineHost } from '../../src/machine/machine.ts'
import { boot, cloudConfig, login, makeKeys, request, soon, ssh } from './bench-kit.ts'

test.skipIf(process.getuid?.() !== 0)(
  'closing a host whose machines were lost leaves the link of the next host alone (which only root makes)',
  async () => {
    const lost = await openHost()
    process.kill(fabricOf(process.pid), 'SIGKILL')
    await expect.poll(() => linkOf(lost), soon).toBeUndefined()
    const next = await openHost()
    const link = linkOf(next)
    expect([next.cidr, link]).toEqual([lost.cidr, expect.stringMatching(/^bw/)])
    await lost.close()
    expect(linkOf(next)).toBe(link)
    await next.close()
    expect(linkOf(next)).toBeUndefined()
  },
)

test.skipIf(process.getuid?.() !== 0)(
  'what a machine may not send to this computer is dropped once, and does not go round (which only root has a link for)',
  async () => {
    using keys = makeKeys()
    const host = await openHost()
    const machine = boot(host, request(cloudConfig(keys)))
    await login(machine, keys)
    const here = machine.publicIp.replace(/\d+$/, '1')
    await ssh(machine, keys, `timeout 2 bash -c '</dev/tcp/${here}/22'`)
    expect(await dropped()).toBeGreaterThan(0)
    expect(await dropped()).toBeLessThan(100)
  },
)

test.skipIf(process.getuid?.() !== 0)(
  'no connection comes to this computer in pieces, where its first flags would be in the second one (which only root has a link for)',
  async () => {
    const host = await openHost()
    const here = host.cidr.replace(/\.(\d+)\.0\/22$/, (_, third) => `.${Number(third) + 4}.1`)
    const there = here.replace(/1$/, '2')
    const before = piecesHere()
    // Of a header's 20 bytes the first piece has the 8 before the flags, and says that more comes.
    const program = `use Socket; socket(S, AF_INET, SOCK_RAW, 255) or die $!;
      sub piece { my ($where, $what) = @_;
        my $header = pack("CCnnnCCna4a4", 0x45, 0, 20 + length $what, 7, $where, 64, 6, 0,
          inet_aton("${there}"), inet_aton("${here}"));
        send(S, $header . $what, 0, sockaddr_in(0, inet_aton("${here}"))) or die $! }
      my $first = pack("nnNNCCnnn", 4321, 22, 1, 1, 0x50, 2, 1024, 0, 0);
      piece(0x2000, substr($first, 0, 8)); piece(1, substr($first, 8));`
    await inFabric(['perl', '-e', program])
    expect(await dropped()).toBeGreaterThanOrEqual(2)
    expect(piecesHere()).toBe(before)
  },
)

/** How many pieces of packets this computer has been sent. */
function piecesHere(): number {
  const [names, values] = readFileSync('/proc/net/snmp', 'utf8').match(/(?<=^Ip: ).*/gm) ?? []
  return Number(values?.split(' ')[names?.split(' ').indexOf('ReasmReqds') ?? -1])
}

async function openHost(): Promise<MachineHost> {
  const host = await openMachineHost('container')
  onTestFinished(() => host.close())
  return host
}

/** The name of the interface that leads to a host's public addresses, which lie 4 * 256 above the private ones. */
function linkOf({ cidr }: MachineHost): string | undefined {
  const here = cidr.replace(/\.(\d+)\.0\/22$/, (_, third) => `.${Number(third) + 4}.1`)
  return Object.entries(networkInterfaces()).find(([, entries = []]) =>
    entries.some(({ address }) => address === here),
  )?.[0]
}

/** How many packets were. */
async function dropped(): Promise<number> {
  const statistics = 'cat /sys/class/net/nobody/statistics/rx_packets'
  const ask = `unshare --mount sh -c 'mount -t sysfs sysfs /sys && ${statistics}'`
  return Number(await inFabric(['sh', '-c', ask]))
}

async function inFabric(command: readonly string[]): Promise<string> {
  const target = ['--target', String(fabricOf(process.pid)), '--net', '--mount']
  return (await promisify(execFile)('nsenter', [...target, ...command])).stdout
}

/** The process that holds the machines of this one. */
function fabricOf(parent: number): number {
  const child = readdirSync('/proc')
    .map(Number)
    .find((pid) => Number.isInteger(pid) && parentOf(pid) === parent && isFabric(pid))
  if (child === undefined) throw new Error('no fabric')
  return child
}

function parentOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1])
  } catch {
    return 0
  }
}

const isFabric = (pid: number): boolean =>
  readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('fabric/main')
