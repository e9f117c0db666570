import {
  CreateSecurityGroupCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupsCommand,
  DescribeVpcsCommand,
  EC2Client,
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
  waitUntilInstanceStopped,
} from '@aws-sdk/client-ec2'
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'

import { type Fault, type LocalEc2, startLocalEc2 } from '../src/index.ts'
import { debian, describeOne, ec2Client, refusal, run, sendSigned, stsClient } from './clients.ts'

let local: LocalEc2
/** Never tries again. */
let ec2: EC2Client
/** Tries as often as the SDK does by itself. */
let patient: EC2Client

beforeAll(async () => {
  local = await startLocalEc2({ machine: 'none' })
  ec2 = ec2Client(local)
  patient = new EC2Client(local)
})
afterEach(() => {
  local.faults.clear()
  vi.useRealTimers()
})
afterAll(() => local.close())

const describeVpcs = (client = ec2): Promise<unknown> => client.send(new DescribeVpcsCommand({}))

function createGroup(client: EC2Client, name: string): Promise<{ GroupId?: string | undefined }> {
  return client.send(new CreateSecurityGroupCommand({ GroupName: name, Description: 'of a test' }))
}

async function groupsNamed(name: string): Promise<number> {
  const { SecurityGroups = [] } = await ec2.send(
    new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'group-name', Values: [name] }] }),
  )
  return SecurityGroups.length
}

async function instancesWith(clientToken: string): Promise<number> {
  const { Reservations = [] } = await ec2.send(
    new DescribeInstancesCommand({ Filters: [{ Name: 'client-token', Values: [clientToken] }] }),
  )
  return Reservations.flatMap(({ Instances = [] }) => Instances).length
}

describe('a dropped connection', () => {
  test('before the commit: nothing is made, and the SDK’s second attempt makes it', async () => {
    const fault = local.faults.add({
      drop: 'before-commit',
      action: 'CreateSecurityGroup',
      nth: [1, 2],
    })
    await expect(createGroup(ec2, 'lost')).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(await groupsNamed('lost')).toBe(0)
    await expect(createGroup(patient, 'lost')).resolves.toMatchObject({
      $metadata: { attempts: 2 },
    })
    expect(await groupsNamed('lost')).toBe(1)
    expect(fault.strikes).toBe(2)
  })

  test('after the commit: the SDK’s second attempt finds its own group in the way', async () => {
    local.faults.add({ drop: 'after-commit', action: 'CreateSecurityGroup', nth: 1 })
    expect(await refusal(createGroup(patient, 'twice'))).toMatchObject({
      code: 'InvalidGroup.Duplicate',
      status: 400,
    })
    expect(await groupsNamed('twice')).toBe(1)
  })

  test('after a launch: the SDK’s further attempts carry its token, and one machine exists', async () => {
    const fault = local.faults.add({ drop: 'after-commit', action: 'RunInstances', nth: [1, 2] })
    const { Instances, $metadata } = await patient.send(
      new RunInstancesCommand({
        ImageId: await debian(ec2),
        InstanceType: 'm7i.large',
        MinCount: 1,
        MaxCount: 1,
      }),
    )
    expect($metadata.attempts).toBe(3)
    expect(fault.strikes).toBe(2)
    expect(Instances).toHaveLength(1)
    expect(await instancesWith(Instances?.[0]?.ClientToken ?? '')).toBe(1)
  })

  test('after the commit: bad news is lost like good news', async () => {
    local.faults.add({ drop: 'after-commit', action: 'TerminateInstances' })
    const call = ec2.send(new TerminateInstancesCommand({ InstanceIds: ['i-0123456789abcdef0'] }))
    await expect(call).rejects.toMatchObject({ code: 'ECONNRESET' })
  })
})

describe('an error', () => {
  test.each<[Fault, { code: string; status: number; message: string }]>([
    [
      { error: 'RequestLimitExceeded' },
      { code: 'RequestLimitExceeded', status: 503, message: 'Request limit exceeded.' },
    ],
    [
      { error: 'InternalError' },
      { code: 'InternalError', status: 500, message: 'An internal error has occurred' },
    ],
    [
      { error: 'UnauthorizedOperation' },
      {
        code: 'UnauthorizedOperation',
        status: 403,
        message: 'You are not authorized to perform this operation.',
      },
    ],
    [
      { error: 'VcpuLimitExceeded' },
      {
        code: 'VcpuLimitExceeded',
        status: 400,
        message:
          'You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.',
      },
    ],
    [
      { error: 'InvalidGroup.NotFound' },
      {
        code: 'InvalidGroup.NotFound',
        status: 400,
        message: "The security group 'sg-0123456789abcdef0' does not exist",
      },
    ],
    [
      { error: 'Unavailable', message: 'Later.' },
      { code: 'Unavailable', status: 503, message: 'Later.' },
    ],
    [
      { error: 'Made.Up', message: 'It is made up', status: 418 },
      { code: 'Made.Up', status: 418, message: 'It is made up' },
    ],
  ])('%j has AWS’s status and words unless told otherwise', async (fault, said) => {
    local.faults.add(fault)
    const call = ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: ['sg-0123456789abcdef0'] }))
    expect(await refusal(call)).toEqual(said)
  })

  test('leaves the work of the call undone', async () => {
    local.faults.add({ error: 'InternalError', action: 'CreateSecurityGroup' })
    expect(await refusal(createGroup(ec2, 'refused'))).toMatchObject({ code: 'InternalError' })
    expect(await groupsNamed('refused')).toBe(0)
  })

  test('speaks the dialect of the service', async () => {
    local.faults.add({ error: 'ServiceUnavailable', action: 'sts:*' })
    const sts = stsClient(local)
    expect(await refusal(sts.send(new GetCallerIdentityCommand({})))).toEqual({
      code: 'ServiceUnavailable',
      status: 503,
      message: 'Service is unavailable. Please try again shortly.',
    })
    await expect(describeVpcs()).resolves.toBeDefined()
  })
})

describe('a delay', () => {
  test('holds the answer up for that long, and ends with the fault', async () => {
    using fault = local.faults.add({ delayMs: 150, nth: 1 })
    const started = performance.now()
    await describeVpcs()
    expect(performance.now() - started).toBeGreaterThan(149)
    expect(fault.strikes).toBe(1)

    const endless = local.faults.add({ delayMs: 2_000_000_000 })
    const held = describeVpcs()
    await endless.struck()
    endless.remove()
    await expect(held).resolves.toBeDefined()
  })

  test.each([
    ['before-commit', 0],
    ['after-commit', 1],
  ] as const)('%s: meanwhile %d groups exist', async (delay, count) => {
    const fault = local.faults.add({ delayMs: 2_000_000_000, delay, action: 'CreateSecurityGroup' })
    const name = `delayed ${delay}`
    const held = createGroup(ec2, name)
    await fault.struck()
    expect(await groupsNamed(name)).toBe(count)
    fault.remove()
    await held
    expect(await groupsNamed(name)).toBe(1)
  })

  test('of many calls at once warns of no leak', async () => {
    const warnings: string[] = []
    const hear = (warning: Error): number => warnings.push(warning.name)
    process.on('warning', hear)
    const fault = local.faults.add({ delayMs: 2_000_000_000 })
    const held = Promise.all(Array.from({ length: 30 }, () => describeVpcs()))
    await fault.struck(30)
    fault.remove()
    await held
    process.off('warning', hear)
    expect(warnings).toEqual([])
  })

  test('nothing is launched by a call whose delay ends with the endpoint', async () => {
    const other = await startLocalEc2({ machine: 'none' })
    const client = ec2Client(other)
    const states: string[] = []
    other.onInstance(({ state }) => states.push(state))
    await debian(client)
    const fault = other.faults.add({ delayMs: 2_000_000_000, action: 'RunInstances' })
    const [launch] = await Promise.all([
      run(client).catch((error: unknown) => error),
      fault.struck().then(() => other.close()),
    ])
    expect(launch).toMatchObject({ code: 'ECONNRESET' })
    expect(states).toEqual([])
  })
})

describe('throttling', () => {
  test('by a bucket of one’s own: what is beyond it is refused until it has filled again', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    local.faults.add({ throttle: { burst: 2, perSecond: 0.5 }, action: 'DescribeVpcs' })
    await describeVpcs()
    await describeVpcs()
    expect(await refusal(describeVpcs())).toEqual({
      code: 'RequestLimitExceeded',
      status: 503,
      message: 'Request limit exceeded.',
    })
    vi.advanceTimersByTime(1999)
    expect(await refusal(describeVpcs())).toMatchObject({ code: 'RequestLimitExceeded' })
    vi.advanceTimersByTime(1)
    await describeVpcs()
    expect(await refusal(describeVpcs())).toMatchObject({ code: 'RequestLimitExceeded' })
  })

  test('makes the SDK wait and try again', async () => {
    const fault = local.faults.add({
      throttle: { burst: 1, perSecond: 10 },
      action: 'DescribeVpcs',
    })
    const client = new EC2Client({ ...local, maxAttempts: 10 })
    await describeVpcs(client)
    const { $metadata } = await client.send(new DescribeVpcsCommand({}))
    expect($metadata.attempts).toBeGreaterThan(1)
    expect($metadata.totalRetryDelay).toBeGreaterThan(0)
    expect(fault.strikes).toBe(($metadata.attempts ?? 0) - 1)
  })

  test('as AWS documents it: a filter opens the larger bucket, and launches count machines', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    local.faults.add({ throttle: 'documented' })
    const all = (): Promise<unknown> => ec2.send(new DescribeInstancesCommand({}))
    const some = (): Promise<unknown> => ec2.send(new DescribeInstancesCommand({ MaxResults: 5 }))
    const launch = (count: number): Promise<unknown> => run(ec2, { MinCount: 1, MaxCount: count })
    await expect(passed(all)).resolves.toBe(50)
    await expect(passed(some)).resolves.toBe(100)
    await expect(passed(describeVpcs)).resolves.toBe(100)
    vi.advanceTimersByTime(1000)
    await expect(passed(all)).resolves.toBe(10)
    await expect(passed(some)).resolves.toBe(20)

    vi.advanceTimersByTime(3_600_000)
    await launch(999)
    await launch(1)
    expect(await refusal(launch(1))).toMatchObject({ code: 'RequestLimitExceeded' })
    vi.advanceTimersByTime(1000)
    await launch(2)
    expect(await refusal(launch(1))).toMatchObject({ code: 'RequestLimitExceeded' })
  })

  test('of STS is its own error, and has no documented rate', async () => {
    const sts = stsClient(local)
    const identify = (): Promise<unknown> => sts.send(new GetCallerIdentityCommand({}))
    local.faults.add({ throttle: 'documented' })
    await Promise.all(Array.from({ length: 120 }, identify))
    local.faults.add({ throttle: { burst: 0, perSecond: 0 } })
    expect(await refusal(identify())).toEqual({
      code: 'Throttling',
      status: 400,
      message: 'Rate exceeded',
    })
  })

  /** How often a call passes before one is throttled. */
  async function passed(call: () => Promise<unknown>): Promise<number> {
    for (let count = 0; ; count++) {
      try {
        // eslint-disable-next-line no-await-in-loop -- one after the other is what is counted
        await call()
      } catch {
        return count
      }
    }
  }
})

describe('expired credentials', () => {
  test('from the nth call on, in each service’s words', async () => {
    local.faults.add({ credentials: 'expired', nth: { from: 2 } })
    await describeVpcs()
    expect(await refusal(describeVpcs())).toEqual({
      code: 'RequestExpired',
      status: 400,
      message: 'Request has expired.',
    })
    const sts = stsClient(local)
    await sts.send(new GetCallerIdentityCommand({}))
    expect(await refusal(sts.send(new GetCallerIdentityCommand({})))).toEqual({
      code: 'ExpiredToken',
      status: 403,
      message: 'The security token included in the request is expired',
    })
  })

  test('from a moment on', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    local.faults.add({ credentials: 'expired', afterMs: 60_000 })
    vi.advanceTimersByTime(59_999)
    await describeVpcs()
    vi.advanceTimersByTime(1)
    expect(await refusal(describeVpcs())).toMatchObject({ code: 'RequestExpired' })
  })
})

describe('a clock that is off', () => {
  test.each([-3_600_000, 3_600_000])('by %d ms: the SDK needs one more attempt', async (skew) => {
    local.faults.add({ clockSkewMs: skew })
    expect(await refusal(describeVpcs(ec2Client(local)))).toMatchObject({ code: 'RequestExpired' })
    const client = new EC2Client(local)
    const first = await client.send(new DescribeVpcsCommand({}))
    expect(first.$metadata.attempts).toBe(2)
    const second = await client.send(new DescribeVpcsCommand({}))
    expect(second.$metadata.attempts).toBe(1)
  })

  test('is in the Date header and in launch times, and right again without the fault', async () => {
    const fault = local.faults.add({ clockSkewMs: 86_400_000 })
    const client = new EC2Client(local)
    const [launched] = await run(client)
    const { headers } = await fetch(local.endpoint)
    const tomorrow = Date.now() + 86_400_000
    for (const time of [headers.get('date'), launched?.LaunchTime]) {
      expect(Math.abs(new Date(time ?? 0).getTime() - tomorrow)).toBeLessThan(5000)
    }
    fault.remove()
    const response = await sendSigned(local, { form: 'Action=DescribeVpcs&Version=2016-11-15' })
    expect(response.status).toBe(200)
  })
})

describe('no capacity', () => {
  const launchIn = (zone?: string): Promise<unknown> =>
    run(ec2, { ...(zone !== undefined && { Placement: { AvailabilityZone: zone } }) })

  test('in one zone: the error names the others, where a launch succeeds', async () => {
    const fault = local.faults.add({ noCapacity: { zones: ['us-east-1a'] } })
    expect(await refusal(launchIn('us-east-1a'))).toEqual({
      code: 'InsufficientInstanceCapacity',
      status: 500,
      message:
        'We currently do not have sufficient m7i.large capacity in the Availability Zone you requested (us-east-1a). Our system will be working on provisioning additional capacity. You can currently get m7i.large capacity by not specifying an Availability Zone in your request or choosing us-east-1b, us-east-1c.',
    })
    await launchIn('us-east-1b')
    expect(fault.strikes).toBe(1)
    const [instance] = await run(ec2)
    expect(instance?.Placement?.AvailabilityZone).not.toBe('us-east-1a')
  })

  test('of one type: others can be had', async () => {
    local.faults.add({ noCapacity: { instanceTypes: ['m7i.*'] } })
    expect(await refusal(launchIn('us-east-1a'))).toMatchObject({
      message:
        'We currently do not have sufficient m7i.large capacity in the Availability Zone you requested (us-east-1a). Our system will be working on provisioning additional capacity.',
    })
    expect(await refusal(launchIn())).toMatchObject({
      code: 'InsufficientInstanceCapacity',
      status: 500,
    })
    await run(ec2, { InstanceType: 'c7i.large' })
  })

  test('keeps a stopped instance from starting again', async () => {
    const [instance] = await run(ec2)
    const InstanceIds = [instance?.InstanceId ?? '']
    await ec2.send(new StopInstancesCommand({ InstanceIds }))
    await waitUntilInstanceStopped({ client: ec2, maxWaitTime: 10, minDelay: 1 }, { InstanceIds })
    const fault = local.faults.add({ noCapacity: 'everywhere', action: 'StartInstances' })
    expect(await refusal(ec2.send(new StartInstancesCommand({ InstanceIds })))).toEqual({
      code: 'InsufficientInstanceCapacity',
      status: 500,
      message: 'Insufficient capacity.',
    })
    fault.remove()
    await ec2.send(new StartInstancesCommand({ InstanceIds }))
  })

  test('says nothing to a DryRun, and nothing about a launch that has been made', async () => {
    const launch = { ClientToken: 'made-before' }
    const [first] = await run(ec2, launch)
    local.faults.add({ noCapacity: 'everywhere' })
    const [again] = await run(ec2, launch)
    expect(again?.InstanceId).toBe(first?.InstanceId)
    expect(await refusal(run(ec2, { DryRun: true }))).toMatchObject({ code: 'DryRunOperation' })
  })
})

describe('several faults', () => {
  test('strike one call from the outside in, in the order in which they were added', async () => {
    const throttle = local.faults.add({ throttle: { burst: 1, perSecond: 0 } })
    const failure = local.faults.add({ error: 'InternalError' })
    expect(await refusal(describeVpcs())).toMatchObject({ code: 'InternalError' })
    expect(await refusal(describeVpcs())).toMatchObject({ code: 'RequestLimitExceeded' })
    expect([throttle.strikes, failure.strikes]).toEqual([1, 1])
  })

  test('that take capacity away take away the sum of it', async () => {
    local.faults.add({ noCapacity: { zones: ['us-east-1a'] } })
    local.faults.add({ noCapacity: { zones: ['us-east-1b'] } })
    const zones = async (): Promise<(string | undefined)[]> =>
      (await run(ec2)).map(({ Placement }) => Placement?.AvailabilityZone)
    expect(await zones()).toEqual(['us-east-1c'])
    for (const AvailabilityZone of ['us-east-1a', 'us-east-1b']) {
      expect(await refusal(run(ec2, { Placement: { AvailabilityZone } }))).toMatchObject({
        code: 'InsufficientInstanceCapacity',
        message: expect.stringMatching(/ or choosing us-east-1c\.$/),
      })
    }
  })

  test('all count a call that the first of them ends', async () => {
    local.faults.add({ error: 'InternalError', nth: 1 })
    local.faults.add({ error: 'Unavailable', nth: 2 })
    expect(await refusal(describeVpcs())).toMatchObject({ code: 'InternalError' })
    expect(await refusal(describeVpcs())).toMatchObject({ code: 'Unavailable' })
    await describeVpcs()
  })
})

test('faults given at the start strike from the first call on', async () => {
  await using other = await startLocalEc2({
    machine: 'none',
    faults: [{ error: 'Unavailable', action: 'DescribeVpcs', nth: 1 }],
  })
  const client = ec2Client(other)
  expect(await refusal(describeVpcs(client))).toMatchObject({ code: 'Unavailable' })
  await describeVpcs(client)
})

test('a wrong fault starts no endpoint, and adds nothing to one', async () => {
  await expect(
    startLocalEc2({ machine: 'none', faults: [{ drop: 'before-commit', nth: 0 }] }),
  ).rejects.toMatchObject({
    code: 'FAULT_INVALID',
    message: 'faults[0].nth must be a whole number from 1 to 4294967296, not 0',
  })
  expect(() => local.faults.add({ error: 'InternalErorr' })).toThrow(
    expect.objectContaining({
      code: 'FAULT_INVALID',
      message: 'fault.error is no error code known here: InternalErorr',
      hint: 'Did you mean InternalError? Give it a message if it is meant.',
    }),
  )
  await describeVpcs()
})

test('who waits for a strike that cannot come any more is told', async () => {
  const fault = local.faults.add({ error: 'InternalError', nth: 1 })
  expect(await refusal(describeVpcs())).toMatchObject({ code: 'InternalError' })
  await fault.struck()
  const second = fault.struck(2)
  fault.remove()
  await expect(second).rejects.toMatchObject({
    code: 'FAULT_REMOVED',
    message: 'the fault was removed after 1 of 2 strikes: {"error":"InternalError","nth":1}',
  })
  await fault.struck(1)
})

test('a launch that is not refused is as ever', async () => {
  local.faults.add({ error: 'InternalError', action: 'RunInstances', nth: 2 })
  const [first] = await run(ec2)
  const instance = await describeOne(ec2, first?.InstanceId ?? '')
  expect(instance.InstanceId).toBe(first?.InstanceId)
})
