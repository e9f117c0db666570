/** What users do on a machine, with the sshd of two Debians, as an ordinary user with sudo, over good and bad ways. */
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

import { type LocalEc2, startLocalEc2 } from '@benchaway/local-ec2'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { describeOn, systems } from '../../../local-ec2/tests/heavy/kit.ts'
import { type Fleet, openFleet } from '../../src/fleet.ts'
import { attachInstance, Instance, sshTarget } from '../../src/instance.ts'
import { writeSshConfig } from '../../src/own-ssh.ts'
import { connect } from '../../src/ssh/connection.ts'
import type { Server } from '../../src/ssh/server.ts'
import type { TransferReport } from '../../src/ssh/transfer/options.ts'
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

  // Both at once: each has a machine of its own, on which one test comes after the other.
  describe.for(systems.map((system) => ({ system })))(
    'of $system',
    { concurrent: true },
    ({ system }) => {
      describe('for its user', { concurrent: false }, () => {
        // A test that has failed must not leave the next one without a way.
        afterEach(() => local.link(machine().id, {}))

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

          const version = path.join(folder, `${system}-version`)
          const get = `echo 'get /etc/debian_version "${version}"' | sftp -q -b - -F "${config}" ${machine().id}`
          await run('sh', ['-c', get])
          expect(readFileSync(version, 'utf8')).toMatch(new RegExp(`^${system.slice(7)}\\.`))

          const other = systems.find((one) => one !== system) ?? system
          const foreign = machines.get(other)?.publicIp ?? ''
          const impostor = readFileSync(config, 'utf8').replace(
            /HostName .*/,
            `HostName ${foreign}`,
          )
          writeFileSync(`${config}-impostor`, impostor)
          await expect(
            run('ssh', ['-F', `${config}-impostor`, machine().id, 'true']),
          ).rejects.toThrow('REMOTE HOST IDENTIFICATION HAS CHANGED')
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
          await local.link(machine().id, { roundTripMs: 20 })
          // An order to kill what the file comes over would wait there behind the file.
          const beside = await attachInstance(machine().access(), async () => undefined)
          const bytes = randomBytes(128 * 1024 * 1024)
          const [sshd, before] = [await sshdOf(machine()), await receivedBy(machine())]
          const pushing = await pushUntil(machine(), bytes, 'broken off', 1 / 2)
          // A large file has taken further connections, which would be there still.
          await beside.exec('kill -9 $(pgrep -u "$USER" sshd | grep -vx $PPID)')
          expect(pushing.isOver()).toBe(false)
          expect((await pushing.report).bytes).toBe(bytes.length)
          expect(await sshdOf(machine())).not.toBe(sshd)
          // Begun anew, half as much again would have come.
          expect((await receivedBy(machine())) - before).toBeLessThan(1.35 * bytes.length)
          const { stdout } = await machine().exec(
            `sha256sum <'broken off'; ls -A | grep -c part || true`,
          )
          expect(stdout).toBe(`${sha256(bytes)}  -\n0\n`)
          beside.disconnect()
        })

        test('is led to by a port here, and leads here by a port of its own', async () => {
          await using server = await greet(machine())
          await using there = await machine().tunnel({ to: greetingPort })
          const version = (await machine().read('/etc/debian_version')).toString()
          expect(version).toMatch(new RegExp(`^${system.slice(7)}\\.`))
          expect(await text(net.connect(there.port, there.host))).toBe(version)
          await server.stop()

          const bytes = randomBytes(1024 * 1024)
          await using service = net.createServer((socket) => socket.end(bytes))
          service.listen(0, '127.0.0.1')
          await once(service, 'listening')
          const address = service.address()
          if (address === null || typeof address === 'string') throw new Error('no port')
          await using here = await machine().tunnel({ from: 'instance', to: address.port })
          const { stdout } = await machine().exec(`sha256sum </dev/tcp/127.0.0.1/${here.port}`)
          expect(stdout).toBe(`${sha256(bytes)}  -\n`)
        })
      })
    },
  )

  test('each has a port that leads to a server of the other', async () => {
    const pairs = [...machines.values()].map(async (machine, index, all) => {
      const other = all[all.length - 1 - index] ?? machine
      await using server = await greet(other)
      await using way = await machine.tunnelTo(other, { to: greetingPort })
      const call = ['bash', '-c', `cat </dev/tcp/127.0.0.1/${way.port}`]
      const { stdout } = await machine.exec(call)
      expect(stdout).toBe((await other.read('/etc/debian_version')).toString())
      expect(stdout).not.toBe((await machine.read('/etc/debian_version')).toString())
      await way.close()
      await expect(machine.exec(call)).rejects.toMatchObject({
        code: 'COMMAND_FAILED',
        stderr: expect.stringContaining('Connection refused'),
      })
      await server.stop()
    })
    await Promise.all(pairs)
  })

  test('a push waits while its way is cut, and goes on over the same connection', async () => {
    const waits = [...machines.values()].map(async (machine) => {
      await local.link(machine.id, { roundTripMs: 20 })
      const sshd = await sshdOf(machine)
      const bytes = randomBytes(96 * 1024 * 1024)
      const pushing = await pushUntil(machine, bytes, 'waited', 1 / 3)
      await local.link(machine.id, { cut: 'both' })
      // So long it may still fill what the kernel keeps; together less than the four questions that nobody answers.
      await sleep(1000)
      const taken = pushing.bytes()
      await sleep(2000)
      expect(pushing.bytes()).toBe(taken)
      expect(taken).toBeLessThan(bytes.length)
      await local.link(machine.id, {})
      expect((await pushing.report).bytes).toBe(bytes.length)
      expect(await sshdOf(machine)).toBe(sshd)
      expect((await machine.exec('sha256sum <waited')).stdout).toBe(`${sha256(bytes)}  -\n`)
    })
    await Promise.all(waits)
  })

  test('a command is lost when its way is cut for long, and the next one runs once there is one again', async () => {
    const losses = [...machines.values()].map(async (launched) => {
      const access = launched.access()
      // As ours, but that asks every second whether the far side is there, and not every five.
      const options = { keepaliveMs: 1000, reconnectMs: 20_000 }
      const connection = await connect(sshTarget(access), options)
      const machine = new Instance(access, connection, { terminate: () => launched.terminate() })
      const sshd = await sshdOf(machine)
      const running = machine.exec('touch begun; sleep 60')
      running.catch(() => undefined)
      const begun = (): Promise<string> =>
        machine.exec('ls begun', { check: false }).then(({ stdout }) => stdout)
      await expect.poll(begun, { timeout: 10_000 }).toBe('begun\n')
      await local.link(machine.id, { cut: 'both' })
      await expect(running).rejects.toMatchObject({
        code: 'CONNECTION_LOST',
        message: `'touch begun; sleep 60' on ${machine.publicIp} was cut off: the ssh connection is gone: it does not answer any more`,
        hint: 'Check that the machine still runs, and your own network.',
        cause: { message: 'Keepalive timeout' },
      })
      const next = sshdOf(machine)
      await local.link(machine.id, {})
      expect(await next).not.toBe(sshd)
      machine.disconnect()
    })
    await Promise.all(losses)
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

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** The process that serves our connection there. */
async function sshdOf(machine: Instance): Promise<number> {
  return Number((await machine.exec('echo $PPID')).stdout)
}

/** Bytes that have come to a machine, as its own kernel counts them. */
async function receivedBy(machine: Instance): Promise<number> {
  const lines = (await machine.read('/proc/net/dev')).toString().split('\n')
  const counts = lines.map((line) => Number(/^ *(?!lo:)\S+: *(\d+)/.exec(line)?.[1] ?? 0))
  return counts.reduce((sum, count) => sum + count)
}

/** Begins to push, and returns when that share is on its way. */
async function pushUntil(
  machine: Instance,
  bytes: Buffer,
  name: string,
  share: number,
): Promise<{ report: Promise<TransferReport>; isOver: () => boolean; bytes: () => number }> {
  const reached = Promise.withResolvers<void>()
  let isOver = false
  let taken = 0
  const onProgress = (progress: { bytes: number }): void => {
    taken = progress.bytes
    if (taken > bytes.length * share) reached.resolve()
  }
  const report = machine.push(bytes, name, { onProgress }).finally(() => (isOver = true))
  await Promise.race([reached.promise, report])
  return { report, isOver: () => isOver, bytes: () => taken }
}

const greetingPort = 8080

/** A server on the loopback of a machine that tells which Debian it is. */
function greet(machine: Instance): Promise<Server> {
  const listen = `IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => ${greetingPort}, ReuseAddr => 1)`
  const serve = `my $s = ${listen} or die $!; while (my $c = $s->accept) { open my $f, '<', '/etc/debian_version'; print {$c} <$f>; close $c }`
  return machine.spawn(['perl', '-MIO::Socket::INET', '-e', serve], {
    ready: { port: greetingPort },
  })
}
