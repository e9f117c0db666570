import { existsSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { openMachineHost } from '../../src/machine/host.ts'
import type { Machine, MachineHost } from '../../src/machine/machine.ts'
import {
  boot,
  bootsImage,
  cloudConfig,
  login,
  makeKeys,
  mime,
  request,
  soon,
  ssh,
  type Keys,
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

test('a zip bomb is not unpacked, and the machine boots without it', async () => {
  const before = process.memoryUsage().rss
  const machine = await booted(gzipSync(Buffer.alloc(200 << 20)))
  expect(machine.console()).toMatch(named(/^local-ec2: user-data is not applied: /m))
  expect(process.memoryUsage().rss - before).toBeLessThan(100 << 20)
  await machine.powerOff()
})

test('hundreds of parts all run', async () => {
  const script = '#!/bin/sh\necho >>/run/parts\n'
  const parts = Array.from({ length: 200 }, () => ['text/x-shellscript', script] as const)
  // By its name the last of the scripts.
  const runcmd = '#cloud-config\nruncmd: ["echo ran $(wc -l </run/parts) >/dev/console"]\n'
  const machine = await booted(mime(...parts, ['text/cloud-config', runcmd]))
  expect(machine.console()).toMatch(/^ran 200\s*$/m)
  await machine.powerOff()
})

test.each([
  ['bytes of no format', Uint8Array.from({ length: 16_384 }, (_, index) => (index * 7919) & 0xff)],
  ['a cut gzip', gzipSync('#cloud-config\n').subarray(0, 12)],
  ['a YAML list', '#cloud-config\n- a\n'],
  ['broken YAML', '#cloud-config\na: [b\n'],
  ['an include', '#include\nhttp://169.254.169.254/\n'],
])('%s is named on the console, and the machine boots', async (_, userData) => {
  const machine = await booted(userData)
  expect(machine.console()).toMatch(named(/^local-ec2: (user-data|cloud-config) .*not applied/m))
  await machine.powerOff()
})

const endless = 'cloud-init itself laughs until its machine has no memory left'
test.skipIf(bootsImage)(
  `a billion laughs are named on the console, and the machine boots${unless(bootsImage, endless)}`,
  async () => {
    const machine = await booted(`#cloud-config\n${laughs()}`)
    expect(machine.console()).toMatch(/^local-ec2: cloud-config .*not applied/m)
    await machine.powerOff()
  },
)

test('a file with .. in its path, a part with / in its name and a quote everywhere stay inside', async () => {
  const mark = `/tmp/local-ec2-escape-${process.pid}`
  const more = `write_files:
  - path: /../../../../../../../../..${mark}
    content: "it's \\"$(touch ${mark}-1)\\" \`touch ${mark}-2\`\\n"
  - path: "/root/'; touch ${mark}-3; '"
    content: x
  - path: relative
    content: x
hostname: "a; touch ${mark}-4"
users:
  - default
  - name: eve
    gecos: "'; touch ${mark}-5; $(touch ${mark}-5)"
final_message: "'; touch ${mark}-6; '"
`
  const script = mime(['text/cloud-config', cloudConfig(keys, more)]).replace(
    'filename="00-part"',
    `filename="../../../../../../..${mark}-7"`,
  )
  const machine = boot(host, request(script))
  await login(machine, keys)
  await expect.poll(() => machine.console(), soon).toContain('boot finished')
  const { stdout } = await ssh(machine, keys, `ls -d /tmp/*escape*; cat ${mark}; sudo ls /root`)
  expect(stdout.split('\n')).toEqual([
    mark,
    `it's "$(touch ${mark}-1)" \`touch ${mark}-2\``,
    // The folder that the odd path begins with.
    "'; touch ",
    '',
  ])
  expect(existsSync(mark)).toBe(false)
  await machine.powerOff()
})

test('a flood on the console leaves its last 64 KiB', async () => {
  const more =
    'runcmd:\n  - head -c 20000000 /dev/zero | tr "\\\\0" x >/dev/console\n  - echo end\n'
  const machine = boot(host, request(cloudConfig(keys, more)))
  await expect
    .poll(() => machine.console(), soon)
    .toMatch(bootsImage ? /end\n[^]*local-ec2: boot finished/ : /end\nlocal-ec2: boot finished/)
  expect(machine.console().length).toBe(64 * 1024)
  await machine.powerOff()
}, 30_000)

async function booted(userData: string | Uint8Array): Promise<Machine> {
  const machine = boot(host, request(userData))
  await expect.poll(() => machine.console(), soon).toContain('boot finished')
  return machine
}

/** What a light machine says; cloud-init has its own words, and more of them in its log. */
const named = (words: RegExp): RegExp => (bootsImage ? /Cloud-init v\. / : words)

function laughs(): string {
  const lines = ['a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]']
  for (let level = 1; level < 10; level++) {
    const alias = `*a${level - 1}`
    lines.push(`a${level}: &a${level} [${Array.from({ length: 9 }, () => alias).join(', ')}]`)
  }
  return lines.join('\n')
}
