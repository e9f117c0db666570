import { expect, test } from 'vitest'

import { openMachineHost } from '../../src/machine/host.ts'
import { boot, cloudConfig, login, makeKeys, request, ssh, wantedKind } from './bench-kit.ts'

test('a machine has the umask and the modes of its system, whatever the umask of its maker', async () => {
  using keys = makeKeys()
  const before = process.umask(0o077)
  try {
    const host = await openMachineHost(wantedKind)
    try {
      const machine = boot(host, request(cloudConfig(keys, "runcmd: ['umask >/tmp/umask']\n")))
      await login(machine, keys)
      const wanted = ['/', '/etc', '/etc/hosts', '/home', '/run', '/var/lib']
      const command = `cat /tmp/umask; umask; stat -c '%a %n' ${wanted.join(' ')}`
      await expect
        .poll(async () => (await ssh(machine, keys, command)).stdout.split('\n'), {
          timeout: 20_000,
        })
        .toEqual([
          '0022',
          '0022',
          ...wanted.map((path) => `${path === '/etc/hosts' ? 644 : 755} ${path}`),
          '',
        ])
    } finally {
      await host.close()
    }
  } finally {
    process.umask(before)
  }
})
