import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'

import {
  CreateSecurityGroupCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeVolumesCommand,
  EC2Client,
  type Tag,
} from '@aws-sdk/client-ec2'
import { startLocalEc2 } from '@benchaway/local-ec2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openNoneHost } from '../../local-ec2/src/machine/none.ts'
import { machineOf } from '../../local-ec2/src/options.ts'
import { serve } from '../../local-ec2/src/server.ts'
import { userData } from '../src/boot/user-data.ts'
import { openClients } from '../src/ec2/clients.ts'
import { findImage } from '../src/ec2/image.ts'
import { runInstances } from '../src/ec2/launch.ts'
import { createSecurityGroup } from '../src/ec2/security-group.ts'
import type { RunTags } from '../src/ec2/tags.ts'
import { openFleet } from '../src/fleet.ts'
import { attachInstance } from '../src/instance.ts'
import { generateKeyPair } from '../src/keys/pair.ts'
import { makeRunId } from '../src/lease/run-id.ts'
import {
  debian12,
  expectOpenSshGetsIn,
  expectToReachEachOther,
  expectWholeRun,
  project,
} from './launched-machines.ts'
import { cableTo, instancesAt, startMeddledEc2, terminated, type } from './local.ts'

type Local = Awaited<ReturnType<typeof startLocalEc2>>

let local: Local
let ec2: EC2Client
beforeAll(async () => {
  local = await startLocalEc2()
  ec2 = new EC2Client(local)
}, 120_000)
afterAll(async () => {
  ec2.destroy()
  await local.close()
})

const openLocal = (options: object = {}): ReturnType<typeof openFleet> =>
  openFleet({ project, target: local, ...options })

const bootsImages = ['cloud-init', 'systemd'].includes(machineOf())

describe('a launched machine', () => {
  test('runs commands as the user of its image and is gone after close()', async () => {
    await expectWholeRun(local)
  })

  test('is reached by OpenSSH with strict checking and only the known_hosts line that we give', async () => {
    // Machines that boot images have no Ubuntu; all others have its account at least.
    await expectOpenSshGetsIn(
      local,
      bootsImages ? { ...debian12, image: 'debian-13' } : { image: 'ubuntu-24.04', user: 'ubuntu' },
    )
  })

  test('carries our tags on every part of it from the moment of its creation', async () => {
    await using fleet = await openLocal()
    const instance = await fleet.launch({ type })
    const ours = [{ Name: 'tag:benchaway:run', Values: [fleet.run] }]
    const [machine] = (await instancesAt(local)).filter(({ InstanceId: id }) => id === instance.id)
    const { Volumes } = await ec2.send(new DescribeVolumesCommand({ Filters: ours }))
    const { NetworkInterfaces } = await ec2.send(
      new DescribeNetworkInterfacesCommand({ Filters: ours }),
    )
    const { SecurityGroups } = await ec2.send(new DescribeSecurityGroupsCommand({ Filters: ours }))
    const tagSets = [
      machine?.Tags,
      Volumes?.[0]?.Tags,
      NetworkInterfaces?.[0]?.TagSet,
      SecurityGroups?.[0]?.Tags,
    ]
    for (const tags of tagSets) {
      const values = Object.fromEntries((tags ?? []).map(({ Key, Value }: Tag) => [Key, Value]))
      expect(values).toMatchObject({
        Name: 'benchaway core-tests',
        'benchaway:v': '1',
        'benchaway:owner': fleet.owner,
        'benchaway:project': project,
        'benchaway:run': fleet.run,
        'benchaway:expires': expect.stringMatching(/^\d{10}$/),
      })
    }
    expect(machine?.MetadataOptions).toMatchObject({
      HttpTokens: 'required',
      HttpPutResponseHopLimit: 1,
    })
    expect((await fleet.inventory()).map((item) => item.kind).toSorted()).toEqual([
      'instance',
      'network-interface',
      'security-group',
      'volume',
    ])
  })

  test('reaches the others of its fleet, which came with the same request', async () => {
    await expectToReachEachOther(local)
  })
})

describe('a machine without a public address', () => {
  test('is reached through another of its run, verified as any, also from another process', async () => {
    await using fleet = await openLocal()
    const jump = await fleet.launch({ type })
    const hidden = await fleet.launch({ type, proxyJump: jump })
    const [known] = (await instancesAt(local)).filter(({ InstanceId: id }) => id === hidden.id)
    expect(known?.PublicIpAddress).toBe(undefined)
    expect([hidden.publicIp, hidden.port]).toEqual(['', 22])
    expect(hidden.proxyJump).toBe(jump)
    const from = `echo $SSH_CONNECTION`
    expect((await hidden.exec(from)).stdout.split(' ').slice(0, 1)).toEqual([jump.privateIp])

    const again = await attachInstance(JSON.parse(JSON.stringify(hidden.access())), () =>
      hidden.terminate(),
    )
    expect((await again.exec('hostname -I')).stdout).toContain(hidden.privateIp)
    again.disconnect()
    await again.closed
    await again.proxyJump?.closed
  })

  test('is not met when another machine answers at its address', async () => {
    await using fleet = await openLocal()
    const jump = await fleet.launch({ type })
    const { hostKey: expected } = (await fleet.launch({ type })).access()
    // Where other machines reach it, which is not always where this computer does.
    const wrong = { ...jump.access(), port: 22, hostKey: expected, proxyJump: jump.access() }
    await expect(attachInstance(wrong, async () => undefined)).rejects.toMatchObject({
      code: 'HOST_KEY_MISMATCH',
    })
  })
})

describe('the dead-man switch', () => {
  /** Launches as a run would that is killed before it comes to connect. */
  const launchAndForget = async (graceMs: number, ttlMs: number): Promise<string> => {
    const clients = await openClients(local, undefined)
    const tags: RunTags = {
      owner: 'user/gone',
      project,
      run: makeRunId(),
      expires: Date.now() + 60_000,
    }
    const [launched] = await runInstances(clients, {
      type,
      count: 1,
      image: await findImage(
        clients,
        'debian-12',
        process.arch === 'arm64' ? 'arm64' : 'x64',
        undefined,
      ),
      volumeGib: undefined,
      securityGroup: await createSecurityGroup(clients, tags, ['127.0.0.1/32']),
      hasPublicAddress: true,
      userData: userData({
        hostKey: generateKeyPair(),
        clientKey: generateKeyPair().publicKey,
        limits: { graceMs, ttlMs, deadline: tags.expires },
      }),
      tags,
      patienceMs: 0,
    })
    clients.close()
    return launched?.InstanceId ?? ''
  }

  test('ends a machine that nobody ever contacts', async () => {
    const id = await launchAndForget(1000, 600_000)
    const ended = await terminated(local, id)
    expect(ended.StateReason?.Code).toBe('Client.InstanceInitiatedShutdown')
  })

  test.skipIf(bootsImages)(
    'lets a machine that was contacted live on, and ends it when its time is up (machines that boot images take longer than its limits: tests/heavy has theirs)',
    async () => {
      const started = performance.now()
      await using fleet = await openLocal({ graceMs: 4000, ttlMs: 6000 })
      const instance = await fleet.launch({ type })
      const ended = await terminated(local, instance.id)
      expect(performance.now() - started).toBeGreaterThan(5000)
      expect(ended.StateReason?.Code).toBe('Client.InstanceInitiatedShutdown')
    },
  )

  test('ends the machines at our word when the endpoint cannot be reached any more', async () => {
    await using cable = await cableTo(local)
    const fleet = await openFleet({ project, target: cable.target })
    const instance = await fleet.launch({ type })
    cable.cut()
    await expect(fleet.close({ waitMs: 1000 })).rejects.toMatchObject({
      code: 'ENDPOINT_UNREACHABLE',
    })
    const ended = await terminated(local, instance.id)
    expect(ended.StateReason?.Code).toBe('Client.InstanceInitiatedShutdown')
  })
})

describe('a machine that is not what we launched is terminated', () => {
  const launchWith = async (
    meddle: (userData: Uint8Array | undefined) => Uint8Array | undefined,
    graceMs = 30_000,
    count = 1,
  ): Promise<unknown> => {
    const meddled = await startMeddledEc2(meddle)
    try {
      const fleet = await openFleet({ project, target: meddled, graceMs })
      const failure = await fleet.launch({ type, count }).then(
        () => undefined,
        (error: unknown) => error,
      )
      const states = (await instancesAt(meddled)).map((instance) => instance.State?.Name)
      expect(states.every((state) => state === 'shutting-down' || state === 'terminated')).toBe(
        true,
      )
      expect((await fleet.close()).left).toEqual([])
      return failure
    } finally {
      await meddled.close()
    }
  }

  test('when it proves another host key, which is never tried again', async () => {
    const limits = { graceMs: 60_000, ttlMs: 60_000, deadline: Date.now() + 60_000 }
    const clientKey = generateKeyPair().publicKey
    const started = performance.now()
    const failure = await launchWith(() =>
      userData({ hostKey: generateKeyPair(), clientKey, limits }),
    )
    expect(failure).toMatchObject({
      code: 'HOST_KEY_MISMATCH',
      message: expect.stringMatching(/ proved host key SHA256:\S{43}, expected SHA256:\S{43}$/),
    })
    expect(performance.now() - started).toBeLessThan(20_000)
  })

  test('with all that came with it, although another of them is silent', async () => {
    const limits = { graceMs: 60_000, ttlMs: 60_000, deadline: Date.now() + 60_000 }
    const clientKey = generateKeyPair().publicKey
    const other = userData({ hostKey: generateKeyPair(), clientKey, limits })
    let booted = 0
    const failure = await launchWith(
      () => (booted++ === 0 ? other : Buffer.from('#cloud-boothook\n#!/bin/sh\nsleep 600\n')),
      60_000,
      2,
    )
    // The silent one alone would be waited for for a minute, the limit of this test.
    expect(failure).toMatchObject({ code: 'HOST_KEY_MISMATCH' })
  })

  test('when it never answers', async () => {
    const failure = await launchWith(
      () => Buffer.from('#cloud-boothook\n#!/bin/sh\nsleep 600\n'),
      2000,
    )
    expect(failure).toMatchObject({ code: 'SSH_UNREACHABLE' })
  })

  test('when it ends before it answers, long before the deadline', async () => {
    const failure = await launchWith(() => Buffer.from('#cloud-boothook\n#!/bin/sh\npoweroff\n'))
    expect(failure).toMatchObject({ code: 'INSTANCE_ENDED' })
  })

  test('when its dead-man switch is missing', async () => {
    const failure = await launchWith((sent) => {
      const message = gunzipSync(sent ?? '').toString()
      return Buffer.from(message.replace(/--benchaway-part\n[^]*?(?=--benchaway-part\n)/, ''))
    })
    expect(failure).toMatchObject({ code: 'DEAD_MAN_MISSING' })
  })
})

describe('a sweep', () => {
  test('takes what a killed run left, and nothing of a run that lives', async () => {
    const source = new URL('../src/fleet.ts', import.meta.url).href
    const { endpoint, region, credentials } = local
    const target = JSON.stringify({ endpoint, region, credentials })
    const code = `
      const { openFleet } = await import('${source}')
      const fleet = await openFleet({ project: '${project}', target: ${target} })
      const { id } = await fleet.launch({ type: '${type}' })
      process.send({ id, run: fleet.run })
      setInterval(() => {}, 1e6)`
    const victim = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const [said] = await once(victim, 'message')
    const killed = said as { id: string; run: string }

    await using alive = await openLocal()
    const kept = await alive.launch({ type })
    await using sweeper = await openLocal()
    const early = await sweeper.sweep()
    expect(early.terminated).toEqual([])
    expect(early.aliveRuns).toEqual(expect.arrayContaining([killed.run, alive.run]))

    victim.kill('SIGKILL')
    await once(victim, 'exit')
    const late = await sweeper.sweep()
    expect(late.terminated).toEqual([killed.id])
    expect(late.aliveRuns).toContain(alive.run)
    expect(late.aliveRuns).not.toContain(killed.run)
    await terminated(local, killed.id)
    expect((await kept.exec('echo still here')).stdout).toBe('still here\n')
    // The group was let go of at the latest now that the machine is gone.
    await sweeper.sweep()
    const { SecurityGroups } = await ec2.send(
      new DescribeSecurityGroupsCommand({
        Filters: [{ Name: 'tag:benchaway:run', Values: [killed.run] }],
      }),
    )
    expect(SecurityGroups).toEqual([])
  })

  test('of resources that no process here vouches for takes exactly the expired ones of its own scope', async () => {
    await using fleet = await openLocal()
    const hour = 3_600_000
    const tags = (changes: Partial<RunTags> & { v?: string } = {}): Tag[] => {
      const own = {
        v: '1',
        owner: fleet.owner,
        project,
        run: makeRunId(Date.now() - hour),
        expires: Date.now() - hour,
        ...changes,
      }
      return [
        { Key: 'benchaway:v', Value: own.v },
        { Key: 'benchaway:owner', Value: own.owner },
        { Key: 'benchaway:project', Value: own.project },
        { Key: 'benchaway:run', Value: own.run },
        { Key: 'benchaway:expires', Value: String(Math.ceil(own.expires / 1000)) },
      ]
    }
    const cases: Record<string, Tag[]> = {
      expired: tags(),
      'just expired: a clock may be wrong': tags({ expires: Date.now() - 60_000 }),
      'of another project': tags({ project: 'core-tests-2' }),
      'of another owner': tags({ owner: 'user/somebody' }),
      'of another version': tags({ v: '2' }),
      'without an expiry': tags().slice(0, 4),
      'whose run is a path': tags({ run: '../../etc/passwd' }),
      'of a young run': tags({ run: makeRunId() }),
      untagged: [],
    }
    const made = await Promise.all(
      Object.entries(cases).map(async ([name, Tags]) => {
        const { GroupId } = await ec2.send(
          new CreateSecurityGroupCommand({
            GroupName: `canary ${name}`,
            Description: name,
            ...(Tags.length > 0
              ? { TagSpecifications: [{ ResourceType: 'security-group' as const, Tags }] }
              : {}),
          }),
        )
        return [name, GroupId] as const
      }),
    )
    await fleet.sweep()
    const { SecurityGroups } = await ec2.send(new DescribeSecurityGroupsCommand({}))
    const left = new Set(SecurityGroups?.map((group) => group.GroupId))
    expect(made.filter(([, id]) => !left.has(id)).map(([name]) => name)).toEqual(['expired'])
  })
})

describe('a fleet', () => {
  test('refuses more machines than maxInstances before it asks for any', async () => {
    await using fleet = await openLocal({ maxInstances: 1 })
    await expect(fleet.launch({ type, count: 2 })).rejects.toMatchObject({
      code: 'TOO_MANY_INSTANCES',
      message: '2 more would make 2 machines, and maxInstances is 1',
    })
    expect(await fleet.inventory()).toEqual([])
  })

  test('counts a machine once, booting or not, and no longer when it is terminated', async () => {
    await using fleet = await openLocal({ maxInstances: 2 })
    const first = fleet.launch({ type })
    const second = fleet.launch({ type })
    await expect(fleet.launch({ type })).rejects.toMatchObject({
      code: 'TOO_MANY_INSTANCES',
      message: '1 more would make 3 machines, and maxInstances is 2',
    })
    await (await first).terminate()
    await second
    await fleet.launch({ type })
  })

  test('names a type that does not exist, and one whose processor is not here', async () => {
    await using fleet = await openLocal()
    await expect(fleet.launch({ type: 'm7i.enormous' })).rejects.toMatchObject({
      code: 'INSTANCE_TYPE_UNKNOWN',
      message: `us-east-1 has no instance type 'm7i.enormous' with an x86_64 or arm64 processor`,
    })
    const foreign = process.arch === 'arm64' ? 'm7i.large' : 'm7g.large'
    await expect(fleet.launch({ type: foreign })).rejects.toMatchObject({
      code: 'ARCHITECTURE_UNAVAILABLE',
      message: `${foreign} cannot run on this computer, whose processors are ${process.arch}`,
    })
  })

  test('repeats what local machines say of an image that they cannot boot', async () => {
    // Such as those that boot images boot no others; which these would be is not asked of this computer.
    const debian = Object.assign(openNoneHost(), { systems: ['debian-12' as const] })
    await using other = await serve(debian)
    await using fleet = await openFleet({ project, target: other })
    await expect(fleet.launch({ type, image: 'ubuntu-24.04' })).rejects.toMatchObject({
      code: 'AWS_REFUSED',
      message: expect.stringMatching(
        /^RunInstances failed: Unsupported: .* machines of kind 'none' boot debian-12, not ubuntu\//,
      ),
      hint: 'Launch another image, or choose other local machines with BENCHAWAY_MACHINE.',
    })
  })

  test('that is closed while it launches leaves nothing', async () => {
    const fleet = await openLocal()
    const launching = fleet.launch({ type, count: 2 })
    launching.catch(() => undefined)
    const { left } = await fleet.close()
    expect(left).toEqual([])
    await expect(launching).rejects.toMatchObject({ code: 'FLEET_CLOSED' })
    await expect(async () => fleet.launch({ type })).rejects.toMatchObject({ code: 'FLEET_CLOSED' })
  })

  test('closed in a hurry before RunInstances never sends it', async () => {
    const fleet = await openLocal()
    const before = (await instancesAt(local)).length
    const launching = fleet.launch({ type })
    launching.catch(() => undefined)
    await fleet.close({ waitMs: 0 })
    await expect(launching).rejects.toMatchObject({ code: 'FLEET_CLOSED' })
    expect(await instancesAt(local)).toHaveLength(before)
  })

  test('that could not be closed can be closed again', async () => {
    const cable = await cableTo(local)
    const fleet = await openFleet({ project, target: cable.target })
    const { id } = await fleet.launch({ type })
    cable.cut()
    await expect(fleet.close({ waitMs: 1000 })).rejects.toMatchObject({
      code: 'ENDPOINT_UNREACHABLE',
    })
    await cable.mend()
    expect((await fleet.close()).left).toEqual([])
    await terminated(local, id)
    await cable[Symbol.asyncDispose]()
  })

  test('closed in a hurry orders the end of every machine before it returns', async () => {
    const fleet = await openLocal()
    const { id } = await fleet.launch({ type })
    await fleet.close({ waitMs: 0 })
    const machine = (await instancesAt(local)).find((found) => found.InstanceId === id)
    expect(['shutting-down', 'terminated']).toContain(machine?.State?.Name)
    await terminated(local, id)
  })

  test('says which endpoint does not answer', async () => {
    await using cable = await cableTo(local)
    cable.cut()
    await expect(openFleet({ project, target: cable.target })).rejects.toMatchObject({
      code: 'ENDPOINT_UNREACHABLE',
      message: `GetCallerIdentity found nobody at ${cable.target.endpoint}: ECONNREFUSED`,
    })
  })
})

describe('without an AWS account', () => {
  // A process of its own, whose environment holds nothing of AWS and whose home has no profile.
  const openIn = async (env: Record<string, string>, target = `'aws'`): Promise<string> => {
    const home = mkdtempSync(path.join(tmpdir(), 'benchaway-home-'))
    const source = new URL('../src/fleet.ts', import.meta.url).href
    const code = `
      const { openFleet } = await import('${source}')
      await openFleet({ project: 'p', target: ${target} }).catch(({ code, message, hint }) => console.log(JSON.stringify({ code, message, hint })))`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '-e', code],
      {
        env: { PATH: process.env.PATH, HOME: home, AWS_EC2_METADATA_DISABLED: 'true', ...env },
      },
    )
    rmSync(home, { recursive: true })
    return stdout
  }

  test('a missing region is named, with three ways to set it', async () => {
    expect(JSON.parse(await openIn({}))).toEqual({
      code: 'REGION_MISSING',
      message: 'no AWS region is set',
      hint: 'Set the option `region`, the variable AWS_REGION, or a region in your AWS profile.',
    })
  })

  test('a local target is reached whatever the environment says about endpoints', async () => {
    const target = JSON.stringify({ ...local, close: undefined })
    expect(
      await openIn({ AWS_USE_FIPS_ENDPOINT: 'true', AWS_USE_DUALSTACK_ENDPOINT: 'true' }, target),
    ).toBe('')
  })

  test('AWS is not what a variable redirects elsewhere, so its numbers are never called that', async () => {
    expect(
      JSON.parse(await openIn({ AWS_REGION: 'eu-central-1', AWS_ENDPOINT_URL: local.endpoint })),
    ).toMatchObject({
      code: 'OPTION_INVALID',
      message: `AWS_ENDPOINT_URL sends requests to ${local.endpoint}, which is not AWS`,
    })
  })

  describe('a profile', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'benchaway-profile-'))
    afterAll(() => rmSync(folder, { recursive: true }))
    const openWith = (profile: string, env: Record<string, string> = {}): Promise<string> => {
      const file = path.join(folder, 'config')
      writeFileSync(file, profile)
      return openIn({ AWS_CONFIG_FILE: file, AWS_REGION: 'eu-central-1', ...env })
    }

    test.each([
      ['endpoint_url', (url: string) => `[profile lab]\nendpoint_url = ${url}\n`],
      [
        'services',
        (url: string) =>
          `[profile lab]\nservices = some\n[services some]\nsts =\n  endpoint_url = ${url}\n`,
      ],
    ])('that redirects by %s is not AWS either', async (_, text) => {
      expect(JSON.parse(await openWith(text(local.endpoint), { AWS_PROFILE: 'lab' }))).toEqual({
        code: 'OPTION_INVALID',
        message: `the AWS profile 'lab' sends requests to ${local.endpoint}, which is not AWS`,
        hint: `Remove its endpoint_url from ${path.join(folder, 'config')}, or use a local target: in Vitest with BENCHAWAY_TARGET=local.`,
      })
    })

    test.each([
      'https://vpce-1-2.ec2.eu-central-1.vpce.amazonaws.com',
      'https://ec2.eu-central-1.api.aws',
    ])('may lead to %s', async (url) => {
      expect(JSON.parse(await openWith(`[default]\nendpoint_url = ${url}\n`))).toMatchObject({
        code: 'CREDENTIALS_MISSING',
      })
    })
  })

  test('an endpoint that is not on this computer is no local target', async () => {
    const target = JSON.stringify({ ...local, endpoint: 'https://ec2.eu-central-1.amazonaws.com' })
    expect(JSON.parse(await openIn({}, target))).toMatchObject({ code: 'OPTION_INVALID' })
  })

  test('missing credentials are named, with the way to do without', async () => {
    expect(JSON.parse(await openIn({ AWS_REGION: 'eu-central-1' }))).toEqual({
      code: 'CREDENTIALS_MISSING',
      message: 'no AWS credentials: Could not load credentials from any providers',
      hint: 'Log in (for example `aws sso login`) or set AWS_PROFILE; without an AWS account use a local target.',
    })
  })
})
