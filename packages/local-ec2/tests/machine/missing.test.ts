import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import { expect, test } from 'vitest'

const cli = join(import.meta.dirname, '../../src/cli/main.ts')

// In a mount namespace of its own, where a file that is no program lies over sshd; outside nothing changes.
test('without sshd the endpoint does not start, and says what brings it', async () => {
  const cover = 'mount --bind /dev/null /usr/sbin/sshd && exec "$0" "$@"'
  const child = spawn(
    'unshare',
    [
      '--user',
      '--map-root-user',
      '--mount',
      'sh',
      '-c',
      cover,
      process.execPath,
      '--conditions=dev',
      cli,
      '--machine',
      'container',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const said = Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = await once(child, 'exit')
  const [stdout, stderr] = await said
  expect(stderr).toMatch(/^benchaway-local-ec2: local machines need sshd, not found in \//)
  expect(stderr).toContain('\nRun: apt-get install -y openssh-server\n')
  expect(stdout).toBe('')
  expect(code).toBe(1)
})
