/**
 * What two generations of sshd, 9.2 and 10.0, do to who knocks, and what an order to read its configuration again does
 * to them. `connect()` depends on the first, whoever changes a host key on a running machine on the second.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'

import { openMachineHost } from '../../../local-ec2/src/machine/host.ts'
import type { ImageSystem, MachineHost } from '../../../local-ec2/src/machine/machine.ts'
import { describeOn, systems } from '../../../local-ec2/tests/heavy/kit.ts'
import type { Booted } from '../../../local-ec2/tests/machine/bench-kit.ts'
import { type Connection, connect, type SshTarget } from '../../src/ssh/connection.ts'
import { exec } from '../../src/ssh/exec.ts'
import { login as loginOnce } from '../../src/ssh/login.ts'
import { bootWithUs, manyTimes, type Sent, targetOf } from './boots.ts'
import { dial, login } from './logins.ts'

interface Guest {
  readonly machine: Booted
  readonly sent: Sent
  readonly target: SshTarget
  /** A session that goes on, whatever sshd thinks of new ones. */
  readonly control: Connection
}

describeOn({ kind: 'systemd' }, 'an sshd that runs', () => {
  let host: MachineHost
  const guests = new Map<ImageSystem, Guest>()
  beforeAll(async () => {
    host = await openMachineHost('systemd')
    const boots = systems.map(async (system) => {
      const { machine, sent } = bootWithUs(host, system)
      await machine.running
      const target = targetOf(machine, sent.hostKey, sent.clientKey)
      guests.set(system, { machine, sent, target, control: await connect(target) })
    })
    await Promise.all(boots)
  })
  afterAll(() => host.close())

  /** What `look` sees on both, which does not take twice as long. */
  async function onBoth<T>(look: (guest: Guest) => Promise<T>): Promise<Record<string, T>> {
    const seen = [...guests].map(async ([system, guest]) => [system, await look(guest)] as const)
    return Object.fromEntries(await Promise.all(seen))
  }

  const same = <T>(what: T): Record<string, T> =>
    Object.fromEntries(systems.map((system) => [system, what]))

  test('who may not log in yet is let in soon after he may, and gathers no penalty on the way', async () => {
    const seen = await onBoth(async ({ target, control }) => {
      // As at boot, when systemd-user-sessions.service is late.
      const bootingUntil = `echo 'System is booting up.' >/run/nologin
        (sleep 6; rm /run/nologin) >/dev/null 2>&1 &`
      await run(control, bootingUntil)
      const begun = performance.now()
      const connection = await connect(target, { timeoutMs: 60_000 })
      const tookMs = performance.now() - begun
      connection.close()
      const log = await run(control, journal)
      return {
        wasTurnedAway: log.includes('Access denied for user admin by PAM account configuration'),
        wasPunished: log.includes('penalty'),
        wasSoon: tookMs < 14_000,
      }
    })
    expect(seen).toEqual(same({ wasTurnedAway: true, wasPunished: false, wasSoon: true }))
  })

  test('a login that is not possible ends with what sshd said about it', async () => {
    const seen = await onBoth(async ({ target, control }) => {
      await run(control, `echo 'The system is going down.' >/run/nologin`)
      const once = loginOnce(target, { timeoutMs: 60_000, keepaliveMs: 0 })
      const failure = await once.catch((error: unknown) => error)
      await run(control, 'rm /run/nologin')
      return String(failure)
    })
    expect(seen).toEqual(
      same('TurnedAway: the far side ended the login of user admin: The system is going down.'),
    )
  })

  test('ten connections at once all get in, although sshd drops most of them at first, and without a penalty', async () => {
    const seen = await onBoth(async ({ target, control }) => {
      const settings = '/etc/ssh/sshd_config.d/few.conf'
      await run(control, `echo 'MaxStartups 2:100:2' >${settings}; systemctl restart ssh.service`)
      const connecting = Array.from({ length: 10 }, () => connect(target, { timeoutMs: 60_000 }))
      const connections = await Promise.all(connecting)
      for (const connection of connections) connection.close()
      const log = await run(control, journal)
      await run(control, `rm ${settings}; systemctl restart ssh.service`)
      return {
        someDropped: /drop connection .*maxstartups/i.test(log),
        punished: log.includes('penalty'),
      }
    })
    expect(seen).toEqual(same({ someDropped: true, punished: false }))
  })

  test('one that is started by its socket stands a restart, and ends at a reload', async () => {
    const seen = await onBoth(async (guest) => {
      const { control } = guest
      const isActive = (unit: string): Promise<string> =>
        run(control, `systemctl is-active ${unit} || :`)
      await run(
        control,
        'systemctl reset-failed; systemctl stop ssh.service; systemctl start ssh.socket',
      )
      const idle = await isActive('ssh.service')
      const first = await outcomeOf(guest)
      await run(control, 'systemctl restart ssh.service')
      const restarted = await isActive('ssh.service')
      const second = await outcomeOf(guest)
      // The socket is systemd's, and sshd that starts anew by itself does not know it any more.
      await run(control, 'systemctl reload ssh.service || :')
      await expect.poll(() => isActive('ssh.service'), { timeout: 10_000 }).toBe('failed')
      // What is said comes to the journal later than the end to systemd.
      await expect
        .poll(() => run(control, journal), { timeout: 10_000 })
        .toContain('fatal: Cannot bind any address.')
      const third = await outcomeOf(guest)
      const again = await isActive('ssh.service')
      await run(
        control,
        'systemctl stop ssh.socket ssh.service; systemctl reset-failed ssh.service',
      )
      await run(control, 'systemctl start ssh.service')
      return { idle, first, restarted, second, third, again, last: await outcomeOf(guest) }
    })
    // Whoever connects next has systemd start another one.
    const inAll = { first: 'in', second: 'in', third: 'in', last: 'in' }
    expect(seen).toEqual(same({ ...inAll, idle: 'inactive', restarted: 'active', again: 'active' }))
  })

  test('one that listens by itself stands a reload', async () => {
    const seen = await onBoth(async ({ control, target }) => {
      await run(control, 'systemctl reload ssh.service')
      // For a moment nobody listens.
      const connection = await connect(target, { timeoutMs: 20_000 })
      connection.close()
      return run(control, 'systemctl is-active ssh.service || :')
    })
    expect(seen).toEqual(same('active'))
  })

  // The last one: it leaves us shut out for a while.
  test('forty knocks without a login shut us out of 10.0, but not of 9.2, and no session ends', async () => {
    const seen = await onBoth(async (guest) => {
      const { machine, control } = guest
      // As many at once as MaxStartups lets through.
      await manyTimes(40, 8, async () => {
        const socket = await dial(machine.publicIp, machine.sshPort, 20_000)
        socket?.destroy()
      })
      // A knock counts when sshd has noticed that nobody is there any more, and until then it may drop who comes.
      const waiting = (): Promise<string> => run(control, 'pgrep -fa "sshd.*listener"')
      await expect.poll(waiting, { timeout: 10_000 }).toContain(' 0 of ')
      const outcome = await outcomeOf(guest)
      const log = await run(control, journal)
      return {
        outcome,
        why: /penalty: .*/.exec(log)?.[0],
      }
    })
    expect(seen).toEqual({
      'debian-12': { outcome: 'in', why: undefined },
      'debian-13': {
        outcome: 'silent',
        why: 'penalty: connections without attempting authentication',
      },
    })
  })
})

const journal = 'journalctl --boot --unit ssh.service --no-pager'

/** As root. */
async function run(control: Connection, script: string): Promise<string> {
  return (await exec(control, 'sudo bash -s', { stdin: script, timeoutMs: 30_000 })).stdout.trim()
}

/** Of one login that is not tried again. */
async function outcomeOf({ machine, sent: { clientKey } }: Guest): Promise<string> {
  const { outcome, client } = await login(machine, { clientKey, asks: 'ours' })
  client?.end()
  return outcome
}
