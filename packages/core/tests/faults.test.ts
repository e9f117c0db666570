/** What is promised of a run while AWS and the machines do what they now and then do. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { type LocalEc2, type RunningFault, startLocalEc2 } from '@benchaway/local-ec2'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'

import { openClients } from '../src/ec2/clients.ts'
import { findImage } from '../src/ec2/image.ts'
import { runInstances } from '../src/ec2/launch.ts'
import { createSecurityGroup } from '../src/ec2/security-group.ts'
import type { RunTags } from '../src/ec2/tags.ts'
import { BenchawayError } from '../src/errors.ts'
import { type Fleet, openFleet } from '../src/fleet.ts'
import { makeRunId } from '../src/lease/run-id.ts'
import type { FleetOptions } from '../src/options.ts'
import { instancesAt, leftAt, terminated, type } from './local.ts'

const project = 'faults'

function openAt(local: LocalEc2, options: Partial<FleetOptions> = {}): Promise<Fleet> {
  return openFleet({ project, target: local, ...options })
}

async function failureOf(call: Promise<unknown>): Promise<BenchawayError> {
  const error: unknown = await call.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof BenchawayError)) throw error
  return error
}

describe('without booting anything', () => {
  let local: LocalEc2
  const folders: string[] = []
  beforeEach(async () => {
    // None of them comes up, so nothing is ever connected to.
    local = await startLocalEc2({ machine: 'none', faults: [{ machine: 'never-boots' }] })
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
    await local.close()
  })

  /** A fleet that launches, once it knows which machines: the launch goes on until the fleet is closed. */
  async function launchAt(
    count: number,
    options: Partial<FleetOptions> = {},
  ): Promise<{ fleet: Fleet; launching: Promise<unknown> }> {
    const known = Promise.withResolvers<void>()
    const log = (line: string): void => {
      if (line.startsWith('EC2 launches')) known.resolve()
    }
    const fleet = await openAt(local, { log, ...options })
    const launching = fleet.launch({ type, count })
    launching.catch(() => undefined)
    await Promise.race([known.promise, launching])
    return { fleet, launching }
  }

  async function expectCleanEnd(fleet: Fleet): Promise<void> {
    expect((await fleet.close()).left).toEqual([])
    local.faults.clear()
    expect(await leftAt(local)).toEqual([])
  }

  describe('an answer that is lost', () => {
    test.each(['before-commit', 'after-commit'] as const)(
      'once to RunInstances, %s, launches as many machines as were asked for',
      async (drop) => {
        const lost = local.faults.add({ drop, action: 'RunInstances', nth: 1 })
        const { fleet } = await launchAt(2)
        expect(lost.strikes).toBe(1)
        expect(await instancesAt(local)).toHaveLength(2)
        await expectCleanEnd(fleet)
      },
    )

    test('to RunInstances for longer than the SDK tries launches as many all the same', async () => {
      const lost = local.faults.add({
        drop: 'after-commit',
        action: 'RunInstances',
        nth: { from: 1, to: 4 },
      })
      const { fleet } = await launchAt(2)
      expect(lost.strikes).toBe(4)
      expect(await instancesAt(local)).toHaveLength(2)
      await expectCleanEnd(fleet)
    })

    test('to RunInstances for ever leaves nothing, although EC2 shows the machine late', async () => {
      local.faults.add({ drop: 'after-commit', action: 'RunInstances' })
      local.faults.add({ visibilityLagMs: 2500, action: 'RunInstances' })
      const fleet = await openAt(local, { graceMs: 1000 })
      expect(await failureOf(fleet.launch({ type }))).toMatchObject({
        code: 'ENDPOINT_UNREACHABLE',
        message: `RunInstances found nobody at ${local.endpoint}: ECONNRESET`,
      })
      await expectCleanEnd(fleet)
      expect(await instancesAt(local)).toHaveLength(1)
    })

    test.each([
      'CreateSecurityGroup',
      'AuthorizeSecurityGroupIngress',
      'TerminateInstances',
      'DeleteSecurityGroup',
    ])('to %s changes nothing', async (action) => {
      const lost = local.faults.add({ drop: 'after-commit', action, nth: 1 })
      const { fleet } = await launchAt(2)
      const groups = (await instancesAt(local)).flatMap(({ SecurityGroups = [] }) =>
        SecurityGroups.map(({ GroupName }) => GroupName),
      )
      expect(groups).toEqual([`benchaway-${fleet.run}`, `benchaway-${fleet.run}`])
      expect((await fleet.close()).left).toEqual([])
      expect(lost.strikes).toBe(1)
      expect(await leftAt(local)).toEqual([])
    })

    test('to CreateSecurityGroup is found again, although EC2 shows the group and its tags late', async () => {
      const lost = local.faults.add({
        drop: 'after-commit',
        action: 'CreateSecurityGroup',
        nth: 1,
      })
      local.faults.add({ visibilityLagMs: 400, of: 'security-group' })
      local.faults.add({ tagLagMs: 800, action: 'CreateSecurityGroup' })
      const { fleet } = await launchAt(1)
      expect(lost.strikes).toBe(1)
      await expectCleanEnd(fleet)
    })
  })

  describe('what EC2 shows late', () => {
    test.each([
      ['machines', { visibilityLagMs: 700, of: ['instance', 'volume', 'network-interface'] }],
      ['security groups', { visibilityLagMs: 700, of: 'security-group' }],
      ['tags', { tagLagMs: 700 }],
      ['tags, far longer than anybody waits', { tagLagMs: 600_000 }],
    ])('%s: a launch works, and close() leaves nothing', async (_, fault) => {
      local.faults.add(fault)
      const { fleet } = await launchAt(2)
      await expectCleanEnd(fleet)
      expect(await instancesAt(local)).toHaveLength(2)
    })

    test('is not what a sweep takes', async () => {
      local.faults.add({ tagLagMs: 600_000, action: 'RunInstances' })
      const { fleet } = await launchAt(1)
      const before = await leftAt(local)
      expect(before).toHaveLength(2)
      elsewhere()
      const sweeper = await openAt(local)
      expect(await sweeper.sweep()).toEqual({
        terminated: [],
        deletedGroups: [],
        aliveRuns: [fleet.run],
        failed: [],
      })
      expect(await leftAt(local)).toEqual(before)
      await sweeper.close()
    })
  })

  /** From here on this is another computer: the sockets of its runs are in another folder. */
  function elsewhere(): void {
    const folder = mkdtempSync(path.join(tmpdir(), 'benchaway-elsewhere-'))
    folders.push(folder)
    vi.stubEnv('TMPDIR', folder)
  }

  /** What a run left whose time has passed. */
  async function leaveExpired(groups: number, machines: number): Promise<void> {
    const clients = await openClients(local, undefined)
    const hour = 3_600_000
    const arch = process.arch === 'arm64' ? 'arm64' : 'x64'
    const image = await findImage(clients, 'debian-12', arch, undefined)
    for (let left = groups; left > 0; left--) {
      const tags: RunTags = {
        owner: 'user/local',
        project,
        run: makeRunId(clients.now() - hour),
        expires: clients.now() - hour,
      }
      // oxlint-disable-next-line no-await-in-loop -- one run after the other, as they were
      const securityGroup = await createSecurityGroup(clients, tags, ['127.0.0.1/32'])
      if (left > 1) continue
      // oxlint-disable-next-line no-await-in-loop -- once
      await runInstances(clients, {
        type,
        count: machines,
        image,
        volumeGib: undefined,
        securityGroup,
        hasPublicAddress: true,
        userData: Buffer.from('#cloud-config\n'),
        tags,
        patienceMs: 0,
      })
    }
    clients.close()
  }

  test('small pages hide nothing from an inventory or a sweep', async () => {
    await leaveExpired(7, 6)
    const left = await leftAt(local)
    expect(left).toHaveLength(13)
    local.faults.add({ pageSize: 5 })
    const sweeper = await openAt(local)
    const { terminated: ended, deletedGroups } = await sweeper.sweep()
    expect(ended).toHaveLength(6)
    expect(deletedGroups).toHaveLength(7)
    const { fleet } = await launchAt(7)
    expect(await fleet.inventory()).toHaveLength(22)
    await expectCleanEnd(fleet)
    await sweeper.close()
  })

  describe('throttling', () => {
    test.each([
      ['as AWS documents it', { throttle: 'documented' }],
      ['of three calls a second', { throttle: { burst: 3, perSecond: 3 } }],
      ['at random', { error: 'RequestLimitExceeded', probability: 0.2, seed: 7 }],
    ] as const)('%s only delays a launch and its end', async (_, fault) => {
      local.faults.add(fault)
      const { fleet } = await launchAt(8)
      await expectCleanEnd(fleet)
      expect(await instancesAt(local)).toHaveLength(8)
    })
  })

  describe('without capacity', () => {
    test('everywhere a launch says so at once, and leaves nothing', async () => {
      const none = local.faults.add({ noCapacity: 'everywhere' })
      const fleet = await openAt(local)
      expect(await failureOf(fleet.launch({ type }))).toMatchObject({
        code: 'NO_CAPACITY',
        message: `RunInstances failed: InsufficientInstanceCapacity: We currently do not have sufficient ${type} capacity in the Availability Zone you requested (us-east-1a). Our system will be working on provisioning additional capacity.`,
        hint: 'Use another type or region, or try again later.',
      })
      // The SDK takes it for a fault of the server, which it would ask again and again.
      expect(none.strikes).toBe(1)
      await expectCleanEnd(fleet)
      expect(await instancesAt(local)).toEqual([])
    })

    test('in one zone a launch gets another one', async () => {
      local.faults.add({ noCapacity: { zones: ['us-east-1a'] } })
      const { fleet } = await launchAt(1)
      const [machine] = await instancesAt(local)
      expect(machine?.Placement?.AvailabilityZone).toMatch(/^us-east-1[b-f]$/)
      await expectCleanEnd(fleet)
    })
  })

  test('a launch whose machine AWS takes away says so', async () => {
    const { fleet, launching } = await launchAt(1)
    const [machine] = await instancesAt(local)
    const id = machine?.InstanceId ?? ''
    await local.faults.strike(id, { machine: 'is-interrupted', noticeMs: 0 })
    expect(await failureOf(launching)).toMatchObject({
      code: 'INSTANCE_ENDED',
      message: `${id} ended before it could be used: Server.SpotInstanceTermination: Spot instance termination`,
    })
    await expectCleanEnd(fleet)
  })

  test.each([3_600_000, -3_600_000])(
    'a clock that is %d ms off does not make a run look expired that lives elsewhere',
    async (clockSkewMs) => {
      local.faults.add({ clockSkewMs })
      const { fleet } = await launchAt(1, { graceMs: 5000, ttlMs: 60_000 })
      const [machine] = await instancesAt(local)
      const expires = machine?.Tags?.find(({ Key }) => Key === 'benchaway:expires')?.Value
      const launched = machine?.LaunchTime?.getTime() ?? 0
      expect(Math.abs(Number(expires) * 1000 - launched - 65_000)).toBeLessThan(3000)

      elsewhere()
      const sweeper = await openAt(local)
      expect(await sweeper.sweep()).toMatchObject({ terminated: [], aliveRuns: [fleet.run] })
      await sweeper.close()
      await expectCleanEnd(fleet)
    },
  )
})

describe('with machines', () => {
  let local: LocalEc2
  beforeAll(async () => {
    local = await startLocalEc2()
  }, 120_000)
  afterEach(() => local.faults.clear())
  afterAll(() => local.close())

  test('credentials that expire in the middle: close() says so, and the machines end by our word', async () => {
    const fleet = await openAt(local)
    const instances = await fleet.launch({ type, count: 2 })
    local.faults.add({ credentials: 'expired' })
    expect(await failureOf(fleet.close())).toMatchObject({ code: 'CREDENTIALS_REFUSED' })
    local.faults.clear()
    for (const { id } of instances) {
      // oxlint-disable-next-line no-await-in-loop -- both have to
      const { StateReason } = await terminated(local, id)
      expect(StateReason?.Code).toBe('Client.InstanceInitiatedShutdown')
    }
    expect((await fleet.close()).left).toEqual([])
    expect(await leftAt(local)).toEqual([])
  })

  test('an answer to ModifyInstanceAttribute that is lost changes nothing', async () => {
    const lost = local.faults.add({
      drop: 'after-commit',
      action: 'ModifyInstanceAttribute',
      nth: 1,
    })
    const fleet = await openAt(local)
    await fleet.launch({ type })
    expect((await fleet.close()).left).toEqual([])
    expect(lost.strikes).toBe(1)
    expect(await leftAt(local)).toEqual([])
  })

  describe('one is given up and terminated', () => {
    const slow = { machine: 'boots-slowly', bootDelayMs: 60_000 } as const
    const pending = /^i-\S+ is pending after 1\.5 s, not running$/
    test.each([
      [
        { machine: 'wrong-host-key' },
        // Some kinds of machines take seconds before they show any key.
        60_000,
        'HOST_KEY_MISMATCH',
        /^\S+ port \d+ proved host key SHA256:\S{43}, expected SHA256:\S{43}$/,
      ],
      [{ machine: 'never-boots' }, 1500, 'SSH_UNREACHABLE', pending],
      [slow, 1500, 'SSH_UNREACHABLE', pending],
    ] as const)('%j', async (fault, graceMs, code, message) => {
      local.faults.add(fault)
      const fleet = await openAt(local, { graceMs })
      const started = performance.now()
      expect(await failureOf(fleet.launch({ type }))).toMatchObject({
        code,
        message: expect.stringMatching(message),
      })
      expect(performance.now() - started).toBeLessThan(graceMs === 1500 ? 5000 : 20_000)
      const states = (await instancesAt(local)).map(({ State }) => State?.Name)
      expect(states).not.toContain('pending')
      expect(states).not.toContain('running')
      expect((await fleet.close()).left).toEqual([])
      expect(await leftAt(local)).toEqual([])
    })
  })

  /** A command that runs while its machine is struck. */
  async function struck(
    fault: RunningFault,
  ): Promise<{ error: BenchawayError; ms: number; id: string; fleet: Fleet }> {
    const fleet = await openAt(local)
    const instance = await fleet.launch({ type })
    const running = failureOf(instance.exec('sleep 1000'))
    // Its channel is opened after that of the other.
    await instance.exec('true')
    const started = performance.now()
    await local.faults.strike(instance.id, fault)
    const error = await running
    return { error, ms: performance.now() - started, id: instance.id, fleet }
  }

  test('a command on a machine that AWS takes away says so', async () => {
    const { error, id, fleet } = await struck({ machine: 'is-interrupted', noticeMs: 50 })
    expect(error).toMatchObject({
      code: 'CONNECTION_LOST',
      cause: {
        code: 'INSTANCE_ENDED',
        message: `${id} ended: Server.SpotInstanceTermination: Spot instance termination`,
      },
    })
    expect((await fleet.close()).left).toEqual([])
  })

  test('a command is cut off at once when sshd stops', async () => {
    const { error, ms, fleet } = await struck({ machine: 'sshd-stops' })
    expect(error).toMatchObject({ code: 'CONNECTION_LOST' })
    // EC2 knows of no end: the machine runs.
    expect(error.cause).not.toBeInstanceOf(BenchawayError)
    expect(ms).toBeLessThan(5000)
    expect((await fleet.close()).left).toEqual([])
  })

  test('a command on a silent machine is cut off within half a minute, and the machine ended', async () => {
    const all = await Promise.all([
      struck({ machine: 'freezes' }),
      struck({ machine: 'loses-network' }),
    ])
    await Promise.all(
      all.map(async ({ error, ms, id, fleet }) => {
        expect(error).toMatchObject({ code: 'CONNECTION_LOST' })
        // EC2 knows of no end: the machine runs.
        expect(error.cause).not.toBeInstanceOf(BenchawayError)
        expect(ms).toBeLessThan(30_000)
        expect((await fleet.close()).left).toEqual([])
        await terminated(local, id)
      }),
    )
    expect(await leftAt(local)).toEqual([])
  })
})
