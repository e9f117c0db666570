/**
 * That the first byte of ssh is verified: what core puts into user-data makes a real sshd present exactly our key from
 * its first answer on, because cloud-init writes it before sshd starts.
 */
import { isDeepStrictEqual } from 'node:util'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { openMachineHost } from '../../../local-ec2/src/machine/host.ts'
import type { ImageSystem, MachineHost } from '../../../local-ec2/src/machine/machine.ts'
import { describeOn, systems } from '../../../local-ec2/tests/heavy/kit.ts'
import type { ReadPart } from '../../src/boot/user-parts.ts'
import { privateText, publicLine } from '../../src/keys/openssh.ts'
import { connect } from '../../src/ssh/connection.ts'
import { exec } from '../../src/ssh/exec.ts'
import { Sessions } from '../../src/ssh/sessions.ts'
import { manyTimes, nameOf, targetOf, whatCoreSends, withMachine } from './boots.ts'
import { type Outcome, watch } from './logins.ts'

/** More at once than there are cores make each slower, and the whole no faster. */
const atOnce = 3

interface Sight {
  /** Whether nobody listened when we first knocked. */
  readonly wasInTime: boolean
  /** Whose keys were presented, each once, in order. */
  readonly presented: readonly string[]
}

/** What a boot shows to who comes while it goes on, and looks at the first answer and at one more soon after it. */
async function looksAt(host: MachineHost, system: ImageSystem): Promise<Sight> {
  const { hostKey, clientKey, userData } = whatCoreSends()
  return withMachine(host, { system, userData }, async (machine) => {
    const knocker = { clientKey, asks: 'others', onlyLooks: true } as const
    const { knocks, logins } = await watch(machine, knocker, (before) => before.length >= 1)
    return {
      wasInTime: knocks > 0,
      presented: [...new Set(logins.map((login) => nameOf(login.hostKey, hostKey)))],
    }
  })
}

interface WholeSight extends Sight {
  /** Whether there was a login before cloud-init had finished. */
  readonly wasEarly: boolean
  /**
   * How logins ended, each way once; but for those that sshd turned away with our key in hand, as it does where it listens
   * before systemd has removed `/run/nologin`. That is a race of the image's, and `connect()` comes again (sshd.test.ts).
   */
  readonly outcomes: readonly Outcome[]
  /** What cloud-init left, and the public keys in it. */
  readonly files: readonly string[]
}

/** What a boot shows to who logs in again and again, until it is over and once more then. */
async function livesThrough(host: MachineHost, system: ImageSystem): Promise<WholeSight> {
  const { hostKey, clientKey, userData } = whatCoreSends()
  return withMachine(host, { system, userData }, async (machine) => {
    let wasEarly = false
    const { knocks, logins } = await watch(machine, { clientKey, asks: 'others' }, (before) => {
      const isFinished = machine.console().includes('local-ec2: boot finished')
      wasEarly ||= before.length > 0 && !isFinished
      return isFinished
    })
    const client = logins.at(-1)?.client
    if (client === undefined) throw new Error('the last login failed')
    const target = targetOf(machine, hostKey, clientKey)
    const connection = new Sessions(target, client, { reconnectMs: 0, keepaliveMs: 0, lingerMs: 0 })
    const { stdout } = await exec(connection, 'cd /etc/ssh; ls ssh_host_*; sudo cat ssh_host_*.pub')
    connection.close()
    const ours = publicLine(hostKey.publicKey, 'benchaway')
    return {
      wasInTime: knocks > 0,
      wasEarly,
      presented: [...new Set(logins.map((login) => nameOf(login.hostKey, hostKey)))],
      outcomes: [
        ...new Set(logins.map(({ outcome }) => outcome).filter((each) => each !== 'turned away')),
      ],
      files: stdout.replace(ours, 'ours').trim().split('\n'),
    }
  })
}

const early: Sight = { wasInTime: true, presented: ['ours'] }
const whole: WholeSight = {
  ...early,
  wasEarly: true,
  outcomes: ['in'],
  files: ['ssh_host_ed25519_key', 'ssh_host_ed25519_key.pub', 'ours'],
}

/** On a busy computer we may come too late to see all of a boot; another one shows it. What was seen has to be right. */
async function inTime<T extends object>(wanted: T, boot: () => Promise<T>): Promise<T> {
  const onTime = { wasInTime: true, wasEarly: true }
  let seen = await boot()
  for (let more = 2; more > 0; more--) {
    const isOnlyLate = isDeepStrictEqual({ ...seen, ...onTime }, { ...wanted, ...onTime })
    if (!isOnlyLate || isDeepStrictEqual(seen, wanted)) break
    seen = await boot()
  }
  return seen
}

describeOn({ kind: 'systemd' }, 'thirty boots of a machine with systemd', () => {
  let host: MachineHost
  beforeAll(async () => {
    host = await openMachineHost('systemd')
  })
  afterAll(() => host.close())

  test.each(systems)(
    '%s presents our host key alone from its first answer on: 28 boots',
    async (system) => {
      const seen = await manyTimes(28, atOnce, () => inTime(early, () => looksAt(host, system)))
      expect(seen).toEqual(Array.from({ length: 28 }, () => early))
    },
    480_000,
  )

  test.each(systems)(
    '%s presents our host key alone, lets us in and has no other, to the end of its boot: 2 boots',
    async (system) => {
      const seen = await manyTimes(2, atOnce, () => inTime(whole, () => livesThrough(host, system)))
      expect(seen).toEqual([whole, whole])
    },
  )
})

describeOn({ kind: 'systemd' }, 'the same probe', () => {
  let host: MachineHost
  beforeAll(async () => {
    host = await openMachineHost('systemd')
  })
  afterAll(() => host.close())

  test.concurrent('sees a foreign key first where a script brings the host key, and connect() stops there', async () => {
    const seeing = systems.map(async (system) => {
      const { hostKey, clientKey } = whatCoreSends()
      const userData = `#!/bin/bash
systemctl stop ssh
cat >/etc/ssh/ssh_host_ed25519_key <<'EOF'
${privateText(hostKey, '')}EOF
echo '${publicLine(hostKey.publicKey, '')}' >/etc/ssh/ssh_host_ed25519_key.pub
systemctl start ssh
`
      // The client key comes as an EC2 key pair, as for most tools.
      const order = { system, userData, keyPair: publicLine(clientKey.publicKey, '') }
      return withMachine(host, order, async (machine) => {
        await machine.running
        const failing = connect(targetOf(machine, hostKey, clientKey)).catch(
          (error: unknown) => error,
        )
        const { logins } = await watch(machine, { clientKey, asks: 'ours' }, (before) =>
          before.some((login) => nameOf(login.hostKey, hostKey) === 'ours'),
        )
        logins.at(-1)?.client?.end()
        return { machine, hostKey, logins, failure: await failing }
      })
    })
    for (const { machine, hostKey, logins, failure } of await Promise.all(seeing)) {
      const keys = logins.flatMap((login) => login.hostKey ?? [])
      expect(nameOf(keys[0], hostKey)).not.toBe('ours')
      expect(nameOf(keys.at(-1), hostKey)).toBe('ours')
      expect(failure).toMatchObject({
        code: 'HOST_KEY_MISMATCH',
        message: `${machine.publicIp} port 22 proved host key ${keys[0]}, expected ${keys.at(-1)}`,
        hint: 'Do not connect again: somebody else answers at that address.',
      })
    }
  })

  test.concurrent('sees our key alone where sshd is started by its socket, which systemd opens early', async () => {
    const seeing = systems.map(async (system) => {
      const { hostKey, clientKey, userData } = whatCoreSends(
        boothook('systemctl stop --no-block ssh.service; systemctl start --no-block ssh.socket'),
      )
      return withMachine(host, { system, userData }, async (machine) => {
        const { logins } = await watch(machine, { clientKey, asks: 'others' }, () => true)
        const connection = await connect(targetOf(machine, hostKey, clientKey))
        const { stdout } = await exec(connection, 'systemctl is-active ssh.socket')
        connection.close()
        return [...new Set(logins.map((login) => nameOf(login.hostKey, hostKey))), stdout.trim()]
      })
    })
    expect(await Promise.all(seeing)).toEqual(systems.map(() => ['ours', 'active']))
  })

  test.concurrent('debian-13: sees other keys besides at what systemd counts as a first boot, for which connect() never asks', async () => {
    // There sshd-keygen.service makes what is missing; its order after cloud-init keeps ours.
    const { hostKey, clientKey, userData } = whatCoreSends(
      boothook(`mkdir /run/systemd/system/sshd-keygen.service.d
printf '[Unit]\\nConditionFirstBoot=\\n' >/run/systemd/system/sshd-keygen.service.d/first.conf
systemctl daemon-reload`),
    )
    await withMachine(host, { system: 'debian-13', userData }, async (machine) => {
      const { logins } = await watch(machine, { clientKey, asks: 'others' }, () => true)
      const [first] = logins
      expect(nameOf(first?.hostKey, hostKey)).not.toBe('ours')
      const connection = await connect(targetOf(machine, hostKey, clientKey))
      const { stdout } = await exec(connection, 'ls /etc/ssh/ssh_host_*_key')
      connection.close()
      expect(stdout.match(/(?<=host_)\w+(?=_key)/g)).toEqual(['ecdsa', 'ed25519', 'rsa'])
    })
  })
})

function boothook(script: string): ReadPart {
  return { type: 'cloud-boothook', text: `#cloud-boothook\n#!/bin/sh\n${script}\n` }
}
