// Runs on your computer, and commands two machines: a server on the one is measured from the other.
import { join } from 'node:path'

import { remote, useInstance } from '@benchaway/vitest-plugin/driver'
import { describe, expect, test } from 'vitest'

const { SERVER = 'm7i.large', CLIENT = 'c7i.large' } = process.env
const port = 7007

describe('echo over TCP', () => {
  const server = useInstance({
    type: SERVER,
    async setup(machine) {
      await machine.push(join(import.meta.dirname, 'server.mjs'), 'server.mjs')
      await machine.spawn([machine.node, 'server.mjs', String(port)], { ready: { port } })
    },
  })
  const client = useInstance({ type: CLIENT })

  const roundTrip = (bytes: number) =>
    remote(import.meta, './client.ts#roundTrip', {
      on: client,
      // Asked for when the benchmark runs: only then does the server have an address.
      args: () => [server.privateIp, port, bytes],
      hooks: { beforeAll: 'connect', afterAll: 'disconnect' },
    })

  test('round trip', async ({ bench }) => {
    const results = await bench.compare(
      bench('64 bytes', roundTrip(64)),
      bench('1 MiB', roundTrip(1024 * 1024)),
    )
    expect(results.get('64 bytes')).toBeFasterThan(results.get('1 MiB'))
  })
})
