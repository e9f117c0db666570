/** As its README shows it, with the options that it has by default. */
import { mkdir, readdir } from 'node:fs/promises'
import path from 'node:path'

import ssh2, { type Client, type SFTPWrapper } from 'ssh2'

import { ownCpuMs } from '../cpu.ts'
import type { Job, Peer, Target, Work } from '../job.ts'

// The fastest of those that were tried for 10,000 small files.
const filesAtOnce = 32

let open: Promise<Client> | undefined

function login({ host, port, user, clientKey }: Target): Promise<Client> {
  const client = new ssh2.Client()
  return new Promise((resolve, reject) => {
    client
      .on('ready', () => resolve(client))
      .on('error', reject)
      .connect({ host, port, username: user, privateKey: clientKey })
  })
}

function exec(client: Client, command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) {
        reject(error)
        return
      }
      channel
        .on('close', (code: number) => {
          if (code === 0) resolve()
          else reject(new Error(`${command} ended with exit code ${code}`))
        })
        .on('data', () => {})
        .stderr.on('data', () => {})
    })
  })
}

async function work(client: Client, job: Job): Promise<void> {
  switch (job.task) {
    case 'exec':
    case 'cold':
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      for (let count = 0; count < job.times; count++) await exec(client, 'true')
      return
    case 'atOnce':
      await Promise.all(Array.from({ length: job.times }, () => exec(client, 'true')))
      return
    case 'push':
    case 'pull': {
      const sftp = await sftpOf(client)
      await (job.isFolder ? copyFolder : copyFile)(sftp, job)
      sftp.end()
    }
  }
}

function copyFile(sftp: SFTPWrapper, { task, from, to }: Job): Promise<void> {
  return done((callback) =>
    task === 'push' ? sftp.fastPut(from, to, callback) : sftp.fastGet(from, to, callback),
  )
}

async function copyFolder(sftp: SFTPWrapper, job: Job): Promise<void> {
  // What is listed is on this computer either way: only the copying is compared.
  const entries = await readdir(job.from, { recursive: true, withFileTypes: true })
  const names = (isFolder: boolean): string[] =>
    entries
      .filter((entry) => entry.isDirectory() === isFolder)
      .map((entry) => path.relative(job.from, path.join(entry.parentPath, entry.name)))
  for (const name of ['', ...names(true).toSorted()]) {
    const folder = path.join(job.to, name)
    // oxlint-disable-next-line no-await-in-loop -- a folder comes before those in it
    await (job.task === 'push'
      ? done((callback) => sftp.mkdir(folder, callback))
      : mkdir(folder, { recursive: true }))
  }
  const waiting = names(false).values()
  await Promise.all(
    Array.from({ length: filesAtOnce }, async () => {
      for (const name of waiting) {
        const file = { ...job, from: path.join(job.from, name), to: path.join(job.to, name) }
        // oxlint-disable-next-line no-await-in-loop -- so many at a time
        await copyFile(sftp, file)
      }
    }),
  )
}

function sftpOf(client: Client): Promise<SFTPWrapper> {
  return new Promise((resolve, reject) => {
    client.sftp((error, sftp) => {
      if (error) reject(error)
      else resolve(sftp)
    })
  })
}

function done(start: (callback: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error) reject(error)
      else resolve()
    })
  })
}

export const peer: Peer = {
  cpuMs: ownCpuMs,
  async prepare(job): Promise<Work> {
    if (job.login === 'counts') {
      return async () => {
        const client = await login(job.target)
        await work(client, job)
        return () => client.end()
      }
    }
    open ??= login(job.target)
    const client = await open
    return () => work(client, job)
  },
}
