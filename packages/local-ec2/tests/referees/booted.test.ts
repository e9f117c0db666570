import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type LocalEc2, startLocalEc2 } from '../../src/index.ts'
import { AwsCli, words } from './aws-cli.ts'
import { clientEnvironment } from './client-environment.ts'
import { findPython } from './python.ts'

const python = await findPython()

describe.skipIf(!python.command)(
  `the aws command line and a machine that boots${python.missing}`,
  { timeout: 240_000 },
  () => {
    let folder: string
    let local: LocalEc2
    let aws: AwsCli
    let id: string
    const file = (name: string): string => join(folder, name)

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'aws-cli-'))
      local = await startLocalEc2()
      aws = new AwsCli(python.command, clientEnvironment(local))
    }, 300_000)
    afterAll(async () => {
      await local?.close()
      await rm(folder, { recursive: true, force: true })
    })

    /** Runs a command in the machine with OpenSSH and the key that `aws` saved; again while nobody answers. */
    async function ssh(command: string): Promise<string> {
      const [address = '', port] = await aws.ec2`describe-instances --instance-ids ${id}
        --query Reservations[0].Instances[0].[PublicIpAddress,Tags[?Key=='local-ec2:ssh-port']|[0].Value]`
      const options = words`-F none -o BatchMode=yes -o StrictHostKeyChecking=no -o ConnectTimeout=5
        -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes -i ${file('key.pem')} -p ${port ?? '22'}`
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop -- first contact has no event
        const { stdout, stderr, ok } = await run('ssh', ...options, `admin@${address}`, command)
        if (ok) return stdout
        if (!/refused|closed|reset|No route/.test(stderr)) throw new Error(stderr)
      }
    }

    test('launches with a key pair that it made itself, and ssh logs in with that', async () => {
      const [architecture, type] =
        process.arch === 'arm64' ? ['arm64', 't4g.micro'] : ['x86_64', 't3.micro']
      const image = await aws.word`describe-images --owners 136693071363
        --filters Name=name,Values=debian-12-* Name=architecture,Values=${architecture}
        --query sort_by(Images,&CreationDate)[-1].ImageId`
      const key = await aws.word`create-key-pair --key-name mine --query KeyMaterial`
      await writeFile(file('key.pem'), `${key}\n`, { mode: 0o600 })
      await writeFile(file('user-data'), '#!/bin/sh\necho made by aws >/var/lib/made\n')
      id = await aws.word`run-instances --image-id ${image} --key-name mine --instance-type ${type}
        --user-data file://${file('user-data')} --query Instances[0].InstanceId`
      await aws.ec2`wait instance-running --instance-ids ${id}`
      expect(await ssh('id -un; sudo -n id -u')).toBe('admin\n0\n')
      await aws.ec2`wait instance-status-ok --instance-ids ${id}`
      expect(await ssh('cat /var/lib/made')).toBe('made by aws\n')
    })

    test('reads what that machine wrote to its console', async () => {
      await ssh('echo heard on the console | sudo tee /dev/console')
      expect(await aws.word`get-console-output --latest --instance-id ${id}`).toContain(
        'heard on the console',
      )
    })

    test('stops and starts it: what is on its disk is kept, what is in its memory is not', async () => {
      await ssh('touch kept /dev/shm/lost')
      await aws.ec2`stop-instances --instance-ids ${id}`
      await aws.ec2`wait instance-stopped --instance-ids ${id}`
      await aws.ec2`start-instances --instance-ids ${id}`
      await aws.ec2`wait instance-running --instance-ids ${id}`
      expect(await ssh('ls . /dev/shm')).toBe('.:\nkept\n\n/dev/shm:\n')
    })

    test('a poweroff from inside stops it; a terminated one leaves nothing', async () => {
      await ssh('sudo poweroff').catch(() => {})
      await aws.ec2`wait instance-stopped --instance-ids ${id}`
      expect(
        await aws.word`describe-instances --instance-ids ${id}
          --query Reservations[0].Instances[0].StateReason.Code`,
      ).toBe('Client.InstanceInitiatedShutdown')
      await aws.ec2`terminate-instances --instance-ids ${id}`
      await aws.ec2`wait instance-terminated --instance-ids ${id}`
      expect(await aws.ec2`describe-volumes`).toEqual({ Volumes: [] })
    })
  },
)

function run(
  program: string,
  ...args: string[]
): Promise<{ ok: boolean; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(program, args, (error, stdout, stderr) => {
      resolve({ ok: error === null, stdout, stderr })
    })
  })
}
