/** What users do on a machine, with the sshd of two Debians, as an ordinary user with sudo, over good and bad ways. */
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

import { type LocalEc2, startLocalEc2 } from '@benchaway/local-ec2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { describeOn, systems } from '../../../local-ec2/tests/heavy/kit.ts'
import { type Fleet, openFleet } from '../../src/fleet.ts'
import type { Instance } from '../../src/instance.ts'
import { writeSshConfig } from '../../src/own-ssh.ts'
import { type } from '../local.ts'

const run = promisify(execFile)

describeOn({ kind: 'cloud-init' }, 'a machine', () => {
  let local: LocalEc2
  let fleet: Fleet
  let folder: string
  const machines = new Map<string, Instance>()
  beforeAll(async () => {
    local = await startLocalEc2({ machine: 'cloud-init' })
    fleet = await openFleet({ project: 'ssh', target: local })
    folder = mkdtempSync(path.join(tmpdir(), 'benchaway-ssh-'))
    const launches = systems.map(async (image) =>
      machines.set(image, await fleet.launch({ type, image })),
    )
    await Promise.all(launches)
  })
  afterAll(async () => {
    await fleet.close()
    await local.close()
    rmSync(folder, { recursive: true })
  })

  describe.for(systems.map((system) => ({ system })))('of $system', ({ system }) => {
    const machine = (): Instance => {
      const found = machines.get(system)
      if (!found) throw new Error(`${system} was not launched`)
      return found
    }
    const tree = (): string => {
      const made = mkdtempSync(path.join(folder, 'tree-'))
      mkdirSync(path.join(made, 'sub'))
      writeFileSync(path.join(made, 'sub', 'bytes'), randomBytes(300_000))
      writeFileSync(path.join(made, 'empty'), '')
      writeFileSync(path.join(made, 'run me'), '#!/bin/sh\necho ran\n', { mode: 0o755 })
      symlinkSync('sub/bytes', path.join(made, 'link'))
      return made
    }

    test('runs commands as its user, and as root by sudo, in the folder and environment asked for', async () => {
      const line = 'echo "$(id -un) $PWD $GREETING"'
      const options = { cwd: '/srv', env: { GREETING: `it's "here"` } }
      expect((await machine().exec(line, options)).stdout).toBe(`admin /srv it's "here"\n`)
      expect((await machine().exec(line, { ...options, sudo: true })).stdout).toBe(
        `root /srv it's "here"\n`,
      )
    })

    test.for([{ sudo: false }, { sudo: true }])(
      'ends a command with all that it has started ($sudo)',
      async ({ sudo }) => {
        const mark = `31${Math.floor(Math.random() * 1e6)}`
        const line = `sleep ${mark} & (setsid sleep ${mark} &) ; sh -c 'sleep ${mark}; true'`
        await expect(machine().exec(line, { timeoutMs: 500, sudo })).rejects.toMatchObject({
          code: 'COMMAND_TIMED_OUT',
        })
        const { stdout } = await machine().exec(`pgrep -fc '[s]leep ${mark}' || true`)
        // Only what has left the session on purpose is out of reach, and it is no child of ours any more.
        expect(Number(stdout)).toBeLessThanOrEqual(1)
        await machine().exec(`pkill -f '[s]leep ${mark}' || true`, { sudo: true })
      },
    )

    test('starts a server of root, waits for its port, and stops it', async () => {
      const serve = `perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(Listen => 5, LocalPort => 81, ReuseAddr => 1) or die $!; print "up\\n"; while (my $c = $s->accept) { print $c "hello\\n"; close $c }'`
      const server = await machine().spawn(serve, { ready: { port: 81 }, sudo: true })
      const greeting = 'timeout 5 cat </dev/tcp/127.0.0.1/81'
      expect((await machine().exec(greeting)).stdout).toBe('hello\n')
      await server.stop()
      await expect(machine().exec(greeting)).rejects.toMatchObject({ code: 'COMMAND_FAILED' })
    })

    test('takes a folder and gives it back as it was', async () => {
      const sent = tree()
      const back = `${sent}-back`
      expect(await machine().push(sent, 'tree')).toMatchObject({ files: 4, skipped: 0 })
      expect(await machine().push(sent, 'tree')).toMatchObject({ files: 0, skipped: 4 })
      expect((await machine().exec(`'tree/run me'`)).stdout).toBe('ran\n')
      expect(await machine().pull('tree', back)).toMatchObject({ files: 4, refused: [] })
      await run('diff', ['--recursive', '--no-dereference', sent, back])
    })

    test('is reached by OpenSSH, scp and sftp with what we write, and by nothing else at its address', async () => {
      const { config, command } = await writeSshConfig([machine()], path.join(folder, system))
      const { stdout } = await run('sh', ['-c', `${command(machine().id)} hostname -I`])
      expect(stdout).toContain(machine().privateIp)
      const release = path.join(folder, `${system}-release`)
      await run('scp', ['-q', '-F', config, `${machine().id}:/etc/os-release`, release])
      expect(readFileSync(release, 'utf8')).toContain(`VERSION_ID="${system.slice(7)}"`)

      const other = systems.find((one) => one !== system) ?? system
      const foreign = machines.get(other)?.publicIp ?? ''
      const impostor = readFileSync(config, 'utf8').replace(/HostName .*/, `HostName ${foreign}`)
      writeFileSync(`${config}-impostor`, impostor)
      await expect(run('ssh', ['-F', `${config}-impostor`, machine().id, 'true'])).rejects.toThrow(
        'REMOTE HOST IDENTIFICATION HAS CHANGED',
      )
    })

    test('is worked with over a long and lossy way', async () => {
      await local.link(machine().id, { roundTripMs: 50, lossRate: 0.01 })
      const bytes = randomBytes(3 * 1024 * 1024)
      const lines: string[] = []
      const [report, server] = await Promise.all([
        machine().push(bytes, 'far'),
        machine().spawn('echo begun; exec sleep 60', { ready: { line: 'begun' } }),
        (async () => {
          for await (const { line } of machine().stream('seq 2000')) lines.push(line)
        })(),
      ])
      await server.stop()
      const back = path.join(folder, `${system}-far`)
      await machine().pull('far', back)
      await local.link(machine().id, {})
      expect(report.bytes).toBe(bytes.length)
      expect(lines).toEqual(Array.from({ length: 2000 }, (_, n) => String(n + 1)))
      expect(readFileSync(back).equals(bytes)).toBe(true)
    })

    test('gets the rest of a file when its connection has died and come back', async () => {
      const bytes = randomBytes(24 * 1024 * 1024)
      let cut: Promise<unknown> | undefined
      const onProgress = (progress: { bytes: number }): void => {
        if (progress.bytes > bytes.length / 3) cut ??= endOurSshd(machine())
      }
      const report = await machine().push(bytes, 'broken off', { onProgress })
      await cut
      expect(report.bytes).toBe(bytes.length)
      const { stdout } = await machine().exec(
        `sha256sum <'broken off'; ls -A | grep -c part || true`,
      )
      const sum = createHash('sha256').update(bytes).digest('hex')
      expect(stdout).toBe(`${sum}  -\n0\n`)
    })
  })

  test('one that nobody reaches is reached through another, by OpenSSH too', async () => {
    const [jump] = machines.values()
    const hidden = await fleet.launch({ type, image: 'debian-13', proxyJump: jump })
    const { stdout } = await hidden.exec('echo $SSH_CONNECTION')
    expect(stdout.split(' ')[0]).toBe(jump?.privateIp)
    const { command } = await writeSshConfig([hidden], path.join(folder, 'hidden'))
    const own = await run('sh', ['-c', `${command(hidden.id)} hostname -I`])
    expect(own.stdout).toContain(hidden.privateIp)
  })
})

/** Ends the connection from the other side, without a word of ssh. */
async function endOurSshd(machine: Instance): Promise<void> {
  await machine.exec('kill -9 $PPID', { sudo: false }).catch(() => undefined)
}
