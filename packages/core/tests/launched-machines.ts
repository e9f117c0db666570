/** What is promised of launched machines, whatever they are made of. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

import type { LocalEc2 } from '@benchaway/local-ec2'
import { expect } from 'vitest'

import { type Fleet, openFleet } from '../src/fleet.ts'
import type { Instance } from '../src/instance.ts'
import { instancesAt, terminated, type } from './local.ts'

/** What is launched, and who logs in to it. */
export interface Launched {
  image: string
  user: string
}

export const debian12: Launched = { image: 'debian-12', user: 'admin' }

export const project = 'core-tests'

function open(local: LocalEc2): Promise<Fleet> {
  return openFleet({ project, target: local })
}

/** One run from its launch to an empty inventory: commands, root, files there and back. */
export async function expectWholeRun(local: LocalEc2, { image, user } = debian12): Promise<void> {
  const fleet = await open(local)
  const instance = await fleet.launch({ type, image })
  expect(instance).toMatchObject({
    id: expect.stringMatching(/^i-[0-9a-f]{17}$/),
    type,
    arch: process.arch,
    user,
  })
  // Nothing that a login, pam or sudo would say to a person gets between.
  expect(await instance.exec('id -un; pwd; echo $HOME')).toMatchObject({
    stdout: `${user}\n/home/${user}\n/home/${user}\n`,
    stderr: '',
  })
  expect(await instance.exec('sudo -n id -un')).toMatchObject({ stdout: 'root\n', stderr: '' })
  await expectFilesThereAndBack(instance)

  const { left } = await fleet.close()
  expect(left).toEqual([])
  expect((await terminated(local, instance.id)).State?.Name).toBe('terminated')
  await expect(instance.exec('true')).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
}

async function expectFilesThereAndBack(instance: Instance): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'benchaway-files-'))
  try {
    const script = path.join(folder, 'script')
    writeFileSync(script, '#!/bin/sh\necho works >result\n')
    await instance.push(script, 'script', { mode: 0o755 })
    expect(await instance.exec('./script')).toMatchObject({ stdout: '', stderr: '' })
    const result = path.join(folder, 'result')
    await instance.pull('result', result)
    expect(readFileSync(result, 'utf8')).toBe('works\n')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** OpenSSH's own client, with strict checking and only the `known_hosts` line that we give. */
export async function expectOpenSshGetsIn(
  local: LocalEc2,
  { image, user } = debian12,
): Promise<void> {
  await using fleet = await open(local)
  const instance = await fleet.launch({ type, image })
  const folder = mkdtempSync(path.join(tmpdir(), 'benchaway-ssh-'))
  const file = (name: string, text: string): string => {
    const at = path.join(folder, name)
    writeFileSync(at, text, { mode: 0o600 })
    return at
  }
  const options = [
    `UserKnownHostsFile=${file('known_hosts', `${instance.knownHostsLine}\n`)}`,
    'GlobalKnownHostsFile=/dev/null',
    'StrictHostKeyChecking=yes',
    'BatchMode=yes',
  ].flatMap((option) => ['-o', option])
  const key = file('key', instance.access().clientKey)
  const at = ['-F', 'none', '-i', key, '-p', String(instance.port)]
  // Not synchronously: an ordinary user's machine is reached through this very process.
  const { stdout } = await promisify(execFile)('ssh', [
    ...at,
    ...options,
    `${instance.user}@${instance.publicIp}`,
    'id -un',
  ])
  expect(stdout).toBe(`${user}\n`)
  rmSync(folder, { recursive: true })
}

/** Two that came with one request. */
export async function expectToReachEachOther(local: LocalEc2, { image } = debian12): Promise<void> {
  await using fleet = await open(local)
  const [a, b] = await fleet.launch({ type, image, count: 2 })
  const reservations = new Set(
    (await instancesAt(local))
      .filter(({ InstanceId: id }) => id === a?.id || id === b?.id)
      .map((instance) => instance.ClientToken),
  )
  expect(reservations.size).toBe(1)
  const listening = await b?.open(`exec 3<>/dev/tcp/${a?.privateIp}/22; head -c 7 <&3`)
  const [banner] = await once(listening!.stdout, 'data')
  expect(String(banner)).toBe('SSH-2.0')
}
