/** OpenSSH's client, and what people run over it: a process of its own for each command, as in a script. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'

import { childrenCpuMs, cpuMsOf } from '../cpu.ts'
import type { Job, Peer, Target, Work } from '../job.ts'
import { dyingWithUs } from '../process.ts'

/** The client that the others share the connection of (ControlMaster). */
let master: Promise<ChildProcess> | undefined
let masterPid: number | undefined

/** Nothing of the user's own settings, and no question asked. */
function options({ clientKeyFile, knownHostsFile, port }: Target): string[] {
  const settings = [
    `Port=${port}`,
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    `UserKnownHostsFile=${knownHostsFile}`,
    'GlobalKnownHostsFile=none',
    'StrictHostKeyChecking=yes',
    'BatchMode=yes',
    'LogLevel=ERROR',
  ]
  return ['-F', 'none', '-i', clientKeyFile, ...settings.flatMap((setting) => ['-o', setting])]
}

const address = ({ user, host }: Target): string => `${user}@${host}`
/** Of this process: one that was killed leaves its own behind. */
const socket = ({ knownHostsFile }: Target): string => `${knownHostsFile}.${process.pid}`

async function startMaster(target: Target): Promise<ChildProcess> {
  const args = [...options(target), '-M', '-S', socket(target), address(target), 'echo open; cat']
  const child = spawn(...dyingWithUs('ssh', args), { stdio: ['pipe', 'pipe', 'inherit'] })
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('the master of ssh has ended'))),
  ])
  masterPid = child.pid
  return child
}

/** What `scp` and `ssh` take before the rest. */
function client(job: Job): string[] {
  // Without its master a client would log in by itself, and say so at most: here it cannot.
  const shared = ['-o', `ControlPath=${socket(job.target)}`, '-o', 'ProxyCommand=false']
  return [...options(job.target), ...(job.login === 'before' ? shared : []), ...job.options]
}

async function run(
  program: string,
  args: readonly string[],
  stdio: [number | 'ignore', number | 'ignore'] = ['ignore', 'ignore'],
): Promise<void> {
  const child = spawn(program, args, { stdio: [...stdio, 'inherit'] })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${program} ended with exit code ${code}`)
}

const ssh = (job: Job, command: string): Promise<void> =>
  run('ssh', [...client(job), address(job.target), command])

function copy(job: Job): Promise<void> {
  const { task, way, from, to, isFolder, target } = job
  const isPush = task === 'push'
  const remote = (path: string): string => `${address(target)}:${path}`
  const [source, destination] = isPush ? [from, remote(to)] : [remote(from), to]
  switch (way) {
    case 'scp':
      return run('scp', ['-q', ...(isFolder ? ['-r'] : []), ...client(job), source, destination])
    case 'cat':
      return isPush ? catThere(job) : catHere(job)
    case 'rsync': {
      const slash = isFolder ? '/' : ''
      const shell = `ssh ${client(job).join(' ')}`
      return run('rsync', ['-aW', '-e', shell, source + slash, destination + slash])
    }
    case 'tar': {
      const pack = `tar -C ${from} -cf - .`
      const unpack = `mkdir ${to} && tar -C ${to} -xf -`
      const command = `ssh ${client(job).join(' ')} ${address(target)}`
      const line = isPush
        ? `${pack} | ${command} '${unpack}'`
        : `mkdir ${to} && ${command} '${pack}' | tar -C ${to} -xf -`
      return run('sh', ['-c', line])
    }
    default:
      throw new Error(`no way '${way}'`)
  }
}

async function catThere(job: Job): Promise<void> {
  const file = openSync(job.from, 'r')
  await run(
    'ssh',
    [...client(job), address(job.target), `cat >${job.to}`],
    [file, 'ignore'],
  ).finally(() => closeSync(file))
}

async function catHere(job: Job): Promise<void> {
  const file = openSync(job.to, 'w')
  await run(
    'ssh',
    [...client(job), address(job.target), `cat <${job.from}`],
    ['ignore', file],
  ).finally(() => closeSync(file))
}

async function work(job: Job): Promise<void> {
  switch (job.task) {
    case 'push':
    case 'pull':
      await copy(job)
      return
    case 'atOnce':
      await Promise.all(Array.from({ length: job.times }, () => ssh(job, 'true')))
      return
    case 'exec':
    case 'cold':
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      for (let count = 0; count < job.times; count++) await ssh(job, 'true')
  }
}

export const peer: Peer = {
  cpuMs: () => childrenCpuMs() + (masterPid === undefined ? 0 : cpuMsOf(masterPid)),
  async prepare(job): Promise<Work> {
    if (job.login === 'before') await (master ??= startMaster(job.target))
    return () => work(job)
  },
}
