/** The dead-man switch under the images' own cloud-init, systemd and power-off. */
import { EC2Client, GetConsoleOutputCommand } from '@aws-sdk/client-ec2'
import { type LocalEc2, startLocalEc2 } from '@benchaway/local-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { describeOn, systems } from '../../../local-ec2/tests/heavy/kit.ts'
import { type DeadManLimits, endNow, firstContact } from '../../src/boot/dead-man.ts'
import { userData } from '../../src/boot/user-data.ts'
import { readUserData, type UserPart } from '../../src/boot/user-parts.ts'
import { openClients } from '../../src/ec2/clients.ts'
import { findImage } from '../../src/ec2/image.ts'
import { runInstances } from '../../src/ec2/launch.ts'
import { createSecurityGroup } from '../../src/ec2/security-group.ts'
import { openFleet } from '../../src/fleet.ts'
import { Instance, sshTarget } from '../../src/instance.ts'
import { generateKeyPair } from '../../src/keys/pair.ts'
import { makeRunId } from '../../src/lease/run-id.ts'
import { connect } from '../../src/ssh/connection.ts'
import { terminated, type } from '../local.ts'

const project = 'dead-man'

const hour = 3_600_000
const fleetOf = (target: LocalEc2): ReturnType<typeof openFleet> =>
  openFleet({ project, target, ttlMs: hour })

/** Lists of commands in place of any of ours, and a service that does not end when it is told to. */
const careless: UserPart = `#cloud-config
bootcmd: [[touch, /run/careless]]
write_files:
- path: /etc/systemd/system/stubborn.service
  content: |
    [Service]
    ExecStart=/bin/bash -c "trap '' TERM; touch /run/stubborn; while :; do sleep 1; done"
    TimeoutStopSec=600
runcmd: [[touch, /run/careless-too]]
`

const hungBoot: UserPart = '#cloud-boothook\n#!/bin/sh\nexec sleep infinity\n'
const hungScript: UserPart = '#!/bin/sh\nexec sleep infinity\n'
/** In its second life systemd starts the switch in vain, and the boot gets no further than this. */
const rebootsAndHangs: UserPart = `#cloud-boothook
#!/bin/sh
[ ! -e /root/again ] || exec sleep infinity
touch /root/again
mkdir -p /etc/systemd/system/benchaway-dead-man.service.d
printf '[Service]\\nExecStartPre=/bin/false\\n' >/etc/systemd/system/benchaway-dead-man.service.d/vain.conf
reboot -f
`

describeOn({ kind: 'systemd' }, 'on a machine with systemd', () => {
  let local: LocalEc2
  beforeAll(async () => {
    local = await startLocalEc2({ machine: 'systemd' })
  })
  afterAll(async () => {
    await local.close()
  })

  test.concurrent.each(systems)(
    'on %s it is armed before sshd listens, again after a reboot, and its word ends what no signal ends',
    async (image) => {
      await using fleet = await fleetOf(local)
      const asks = Date.now()
      const options = { type, image, reconnectMs: 0 }
      const instance = await fleet.launch({ ...options, userData: careless })
      await expectArmedFirst(instance)
      const deadline = await deadlineOf(instance)
      // EC2 says the time in whole seconds, and it is EC2's that counts.
      expect(deadline).toBeGreaterThan(asks + hour - 2000)
      expect(deadline).toBeLessThan(Date.now() + hour + 2000)
      await expectHardToStop(instance)

      const again = await rebooted(instance)
      await expectArmedFirst(again)
      // Or it would wait once more for somebody to come.
      await again.exec('test -e /run/benchaway/met')
      // Who could read there could take its words away.
      await again.exec('test ! -r /run/benchaway/beat')
      await again.exec(firstContact)
      expect(await deadlineOf(again)).toBe(deadline)

      await again.exec(
        'sudo systemctl start --no-block stubborn; until [ -e /run/stubborn ]; do sleep 0.02; done',
      )
      const asked = performance.now()
      await again.powerOff()
      again.disconnect()
      await expectOwnEnd(local, instance.id, 'released')
      // A power-off that asks first takes ten minutes.
      expect(performance.now() - asked).toBeLessThan(60_000)
    },
  )

  test.concurrent.each(systems)(
    'on %s it ends a machine that nobody logs in to, because its boot hangs before sshd starts',
    async (image) => {
      const id = await launchAndForget(local, image, hungBoot, { graceMs: 2000 })
      await expectOwnEnd(local, id, 'nobody came')
      expect(await consoleOf(local, id)).not.toContain('boot finished')
    },
  )

  test.concurrent.each(systems)(
    'on %s it ends a machine that is in use when its time is up, also when a script of the boot hangs',
    async (image) => {
      await using fleet = await fleetOf(local)
      const instance = await fleet.launch({ type, image, userData: [careless, hungScript] })
      const working = instance.exec('sleep infinity')
      // Nobody waits here for an hour; it starts again as what it then is.
      const shortLife = `sudo sed -i 's/booted + 3600 -/booted + 1 -/' /run/benchaway/dead-man`
      instance.exec(`${shortLife}; ${killIt}`).catch(() => undefined)
      await expect(working).rejects.toMatchObject({
        code: 'CONNECTION_LOST',
        cause: { code: 'INSTANCE_ENDED' },
      })
      await expectOwnEnd(local, instance.id, 'time is up')
    },
  )

  test.concurrent.each(systems)(
    'on %s its word is not lost when two of it run, and comes to the kernel where programs hang or no process can be made',
    async (image) => {
      await using fleet = await fleetOf(local)
      const instance = await fleet.launch({ type, image })
      const saidBy = async (stdin: string): Promise<string> =>
        (await instance.exec('sudo bash -s', { stdin, timeoutMs: 60_000 })).stdout
      expect(await saidBy(twoOfIt)).toBe('20\n')
      const noFork = 'fork: Resource temporarily unavailable'
      expect(await saidBy(lastResorts)).toBe(`/root/hangs\n/root/alone\n${noFork}\n`)
    },
  )

  test.concurrent.each(systems)(
    'on %s a reboot gives a machine no more time than it had, also when systemd does not start the switch',
    async (image) => {
      const life = await lifeOf(local, image, 15_000)
      expect(life.lateMs).toBeGreaterThanOrEqual(0)
      expect(life.lateMs).toBeLessThan(60_000)
      // A computer may be so busy that the first boot alone takes that long.
      expect(life.boots === 1 ? await lifeOf(local, image, 60_000) : life).toMatchObject({
        boots: 2,
      })
    },
  )
})

/** Launches as a run would that is killed before it comes to connect. */
async function launchAndForget(
  local: LocalEc2,
  image: string,
  part: UserPart,
  limits: Partial<DeadManLimits>,
): Promise<string> {
  const clients = await openClients(local, undefined)
  const tags = { owner: 'user/gone', project, run: makeRunId(), expires: Date.now() + 600_000 }
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64'
  const [launched] = await runInstances(clients, {
    type,
    count: 1,
    image: await findImage(clients, image, arch, undefined),
    volumeGib: undefined,
    securityGroup: await createSecurityGroup(clients, tags, ['127.0.0.1/32']),
    hasPublicAddress: true,
    userData: userData({
      hostKey: generateKeyPair(),
      clientKey: generateKeyPair().publicKey,
      limits: { graceMs: 600_000, ttlMs: 600_000, deadline: tags.expires, ...limits },
      parts: readUserData('launch()', part),
    }),
    tags,
    patienceMs: 0,
  })
  clients.close()
  return launched?.InstanceId ?? ''
}

/** How a machine ends that reboots once and has a deadline. */
async function lifeOf(
  local: LocalEc2,
  image: string,
  lifeMs: number,
): Promise<{ lateMs: number; boots: number }> {
  const deadline = Date.now() + lifeMs
  const id = await launchAndForget(local, image, rebootsAndHangs, { deadline })
  await expectOwnEnd(local, id, 'time is up')
  const lateMs = Date.now() - deadline
  const boots = (await consoleOf(local, id)).match(/^local-ec2: \S+ boots$/gm)?.length ?? 0
  return { lateMs, boots }
}

/** By its own power-off, as EC2 sees it, and for that reason. */
async function expectOwnEnd(local: LocalEc2, id: string, why: string): Promise<void> {
  const ended = await terminated(local, id)
  expect(ended.StateReason?.Code).toBe('Client.InstanceInitiatedShutdown')
  expect(await consoleOf(local, id)).toContain(`benchaway: ${why}, powering off\n`)
}

async function consoleOf(local: LocalEc2, id: string): Promise<string> {
  const client = new EC2Client(local)
  const { Output = '' } = await client.send(new GetConsoleOutputCommand({ InstanceId: id }))
  client.destroy()
  return Buffer.from(Output, 'base64').toString().replaceAll('\r', '')
}

async function expectArmedFirst(instance: Instance): Promise<void> {
  const { stdout } = await instance.exec(
    'systemctl show --property ExecMainStartTimestampMonotonic --value benchaway-dead-man ssh',
  )
  const [armed = Number.NaN, listens = Number.NaN] = stdout.trim().split(/\s+/).map(Number)
  expect(armed).toBeGreaterThan(0)
  expect(listens).toBeGreaterThan(armed)
}

/** In epoch milliseconds, rounded down. */
async function deadlineOf(instance: Instance): Promise<number> {
  const { stdout } = await instance.exec(`sudo grep -om1 '[0-9]* - now' /run/benchaway/dead-man`)
  return Number.parseInt(stdout, 10) * 1000
}

const killIt = 'sudo kill -9 $(systemctl show --property MainPID --value benchaway-dead-man)'

/** Says how often one of two has heard a first contact. */
const twoOfIt = `set -e
heard=0
for time in {1..20}; do
  rm -f /run/benchaway/met
  bash /run/benchaway/dead-man >/dev/null 2>&1 & one=$!
  bash /run/benchaway/dead-man >/dev/null 2>&1 & other=$!
  for pid in $one $other; do until [ -e /proc/$pid/fd/3 ]; do sleep 0.02; done; done
  ${firstContact}
  for try in {1..100}; do [ ! -e /run/benchaway/met ] || break; sleep 0.02; done
  kill -9 $one $other
  [ ! -e /run/benchaway/met ] || heard=$((heard + 1))
done
echo $heard
`

/** Says which of two has come to the last that it can do, which in a local machine does nothing. */
const lastResorts = `set -e
[ ! -e /proc/sysrq-trigger ] || [ "$(stat -c %t:%T /proc/sysrq-trigger)" = 1:3 ]
start() {
  "\${@:2}" bash -x /tmp/dead-man >/dev/null 2>/root/$1 &
  until grep -q '^+ read .* -u 3' /root/$1; do sleep 0.02; done
}
cp /run/benchaway/dead-man /tmp
start hangs
# The number of root's processes has no limit.
chmod -R a+rw /run/benchaway /tmp/dead-man
nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
start alone $nobody
$nobody prlimit --nproc=1 --pid $!
cp "$(command -v sleep)" /root/sleep
for program in sleep timeout systemctl poweroff; do
  printf '#!/bin/sh\nexec tail -f /dev/null\n' >/root/new
  chmod 755 /root/new
  mv /root/new "$(command -v $program)"
done
# One for each of them, and one for the switch that was there.
for time in 1 2 3; do ${endNow}; done
for try in {1..400}; do
  ! grep -qx '++* echo o' /root/hangs || ! grep -qx '++* echo o' /root/alone || break
  /root/sleep 0.1
done
grep -lx '++* echo o' /root/hangs /root/alone
grep -o 'fork: Resource temporarily unavailable' /root/alone
`

/** What happens by accident; whoever means it is root. */
async function expectHardToStop(instance: Instance): Promise<void> {
  await expect(instance.exec('sudo systemctl stop benchaway-dead-man')).rejects.toMatchObject({
    code: 'COMMAND_FAILED',
    stderr: expect.stringContaining('Operation refused'),
  })
  await instance.exec('until [ -e /run/careless-too ]; do sleep 0.02; done')
  await instance.exec('sudo systemctl isolate multi-user.target')
  await instance.exec(firstContact)

  const replaced = 'sudo sh -c "rm /run/benchaway/beat; touch /run/benchaway/beat"'
  await instance.exec(replaced)
  await expect(instance.exec(firstContact)).rejects.toMatchObject({ code: 'COMMAND_FAILED' })
  const listens = `until ${firstContact}; do sleep 0.02; done 2>/dev/null`
  await instance.exec(`for time in 1 2 3; do ${killIt}; ${listens}; done`)
}

async function rebooted(instance: Instance): Promise<Instance> {
  // It ends before it can say how it went.
  instance.exec('sudo reboot').catch(() => undefined)
  await instance.closed
  const access = instance.access()
  const connection = await connect(sshTarget(access), { timeoutMs: 60_000 })
  return new Instance(access, connection, { terminate: () => instance.terminate() })
}
