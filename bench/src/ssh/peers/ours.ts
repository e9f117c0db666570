/** As users have it: the package as it is built, through its public functions. */
import { attachInstance, type Instance } from '@benchaway/core'

import { ownCpuMs } from '../cpu.ts'
import type { Job, Peer, Target, Work } from '../job.ts'

let open: Promise<Instance> | undefined

function login({ host, port, user, clientKey, hostKey }: Target): Promise<Instance> {
  const access = {
    id: 'i-00000000000000000',
    type: 'none',
    arch: process.arch === 'arm64' ? 'arm64' : 'x64',
    image: 'none',
    privateIp: host,
    publicIp: host,
    port,
    user,
    hostKey,
    clientKey,
    timing: { requestMs: 0, bootMs: 0, connectMs: 0 },
  } as const
  return attachInstance(access, async () => {})
}

async function work(instance: Instance, job: Job): Promise<void> {
  switch (job.task) {
    case 'push':
      await instance.push(job.from, job.to)
      return
    case 'pull':
      await instance.pull(job.from, job.to)
      return
    case 'atOnce':
      await Promise.all(Array.from({ length: job.times }, () => instance.exec('true')))
      return
    case 'exec':
    case 'cold':
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      for (let count = 0; count < job.times; count++) await instance.exec('true')
  }
}

export const peer: Peer = {
  cpuMs: ownCpuMs,
  async prepare(job): Promise<Work> {
    if (job.login === 'counts') {
      return async () => {
        const instance = await login(job.target)
        await work(instance, job)
        return () => instance.disconnect()
      }
    }
    open ??= login(job.target)
    const instance = await open
    return () => work(instance, job)
  },
}
