/** As its README shows it. */
import { mkdir } from 'node:fs/promises'

import { NodeSSH } from 'node-ssh'

import { ownCpuMs } from '../cpu.ts'
import type { Job, Peer, Target, Work } from '../job.ts'

// Of its README.
const folderOptions = { recursive: true, concurrency: 10 }

let open: Promise<NodeSSH> | undefined

function login({ host, port, user, clientKey }: Target): Promise<NodeSSH> {
  return new NodeSSH().connect({ host, port, username: user, privateKey: clientKey })
}

async function exec(ssh: NodeSSH): Promise<void> {
  const { code } = await ssh.execCommand('true')
  if (code !== 0) throw new Error(`true ended with exit code ${code}`)
}

async function work(ssh: NodeSSH, job: Job): Promise<void> {
  const { task, from, to, isFolder, times } = job
  switch (task) {
    case 'exec':
    case 'cold':
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      for (let count = 0; count < times; count++) await exec(ssh)
      return
    case 'atOnce':
      await Promise.all(Array.from({ length: times }, () => exec(ssh)))
      return
    case 'push':
      if (!isFolder) return ssh.putFile(from, to)
      if (!(await ssh.putDirectory(from, to, folderOptions))) throw new Error('files are missing')
      return
    case 'pull':
      if (!isFolder) return ssh.getFile(to, from)
      await mkdir(to)
      if (!(await ssh.getDirectory(to, from, folderOptions))) throw new Error('files are missing')
  }
}

export const peer: Peer = {
  cpuMs: ownCpuMs,
  async prepare(job): Promise<Work> {
    if (job.login === 'counts') {
      return async () => {
        const ssh = await login(job.target)
        await work(ssh, job)
        return () => ssh.dispose()
      }
    }
    open ??= login(job.target)
    const ssh = await open
    return () => work(ssh, job)
  },
}
