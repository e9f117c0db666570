/** A machine for tests that need no more than ssh: an sshd on loopback, run by whoever runs the tests. */
import { attachInstance, type InstanceAccess } from '@benchaway/core'

import { type Sshd, startSshd } from '../../../core/tests/sshd.ts'
import type { SuiteInstance } from '../../src/suite/instance.ts'

export interface Loopback extends AsyncDisposable {
  readonly instance: SuiteInstance
  readonly access: InstanceAccess
  readonly sshd: Sshd
  /** How often the machine was terminated; `terminate()` leaves the server running. */
  readonly terminations: () => number
}

export async function startLoopback(type = 'm7i.large'): Promise<Loopback> {
  const sshd = await startSshd()
  const { host, port, user, privateKey, hostKey } = sshd.target
  const access: InstanceAccess = {
    id: `i-${port}`,
    type,
    arch: process.arch === 'arm64' ? 'arm64' : 'x64',
    image: 'debian-12',
    privateIp: host,
    publicIp: host,
    port,
    user,
    // The wire form ends with the 32 bytes of the key.
    hostKey: Buffer.from(hostKey).subarray(-32).toString('base64'),
    clientKey: privateKey,
    timing: { requestMs: 0, bootMs: 0, connectMs: 0 },
  }
  let count = 0
  const attached = await attachInstance(access, async () => {
    count++
  })
  return {
    instance: Object.assign(attached, { node: process.execPath }),
    access,
    sshd,
    terminations: () => count,
    async [Symbol.asyncDispose]() {
      attached.disconnect()
      await sshd[Symbol.asyncDispose]()
    },
  }
}
