import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { handlersOf } from '../src/actions/action.ts'
import { ec2Actions } from '../src/actions/index.ts'
import { randomNumbers } from '../src/faults/matching.ts'
import { ApiError } from '../src/query/api-error.ts'
import { under } from '../src/world/conditions.ts'
import { images } from '../src/world/images.ts'
import { createWorld } from '../src/world/world.ts'
import { ScriptedHost } from './scripted-host.ts'

/** Where an answer shows what a filter asks for: members with dots between, through all lists on the way. */
interface Described {
  action: string
  list: string
  tags: string
  /** What answers everything at once has no pages to compare. */
  whole?: boolean
  filters: Record<string, string>
}

const describes: readonly Described[] = [
  {
    action: 'DescribeInstances',
    list: 'Reservations.Instances',
    tags: 'Tags',
    filters: {
      'instance-id': 'InstanceId',
      'client-token': 'ClientToken',
      'image-id': 'ImageId',
      'subnet-id': 'SubnetId',
      'vpc-id': 'VpcId',
      'availability-zone': 'Placement.AvailabilityZone',
      'private-ip-address': 'PrivateIpAddress',
      'instance-state-name': 'State.Name',
      'instance.group-id': 'SecurityGroups.GroupId',
    },
  },
  {
    action: 'DescribeVolumes',
    list: 'Volumes',
    tags: 'Tags',
    filters: {
      'volume-id': 'VolumeId',
      'attachment.instance-id': 'Attachments.InstanceId',
      'availability-zone': 'AvailabilityZone',
    },
  },
  {
    action: 'DescribeNetworkInterfaces',
    list: 'NetworkInterfaces',
    tags: 'TagSet',
    filters: {
      'network-interface-id': 'NetworkInterfaceId',
      'attachment.instance-id': 'Attachment.InstanceId',
      'subnet-id': 'SubnetId',
      'vpc-id': 'VpcId',
      'private-ip-address': 'PrivateIpAddress',
      'group-id': 'Groups.GroupId',
    },
  },
  {
    action: 'DescribeSecurityGroups',
    list: 'SecurityGroups',
    tags: 'Tags',
    filters: {
      'group-id': 'GroupId',
      'group-name': 'GroupName',
      'vpc-id': 'VpcId',
      'ip-permission.cidr': 'IpPermissions.IpRanges.CidrIp',
      'ip-permission.group-id': 'IpPermissions.UserIdGroupPairs.GroupId',
    },
  },
  {
    action: 'DescribeSecurityGroupRules',
    list: 'SecurityGroupRules',
    tags: 'Tags',
    filters: { 'security-group-rule-id': 'SecurityGroupRuleId', 'group-id': 'GroupId' },
  },
  {
    action: 'DescribeKeyPairs',
    list: 'KeyPairs',
    tags: 'Tags',
    whole: true,
    filters: {
      'key-pair-id': 'KeyPairId',
      'key-name': 'KeyName',
      fingerprint: 'KeyFingerprint',
    },
  },
  {
    action: 'DescribeTags',
    list: 'Tags',
    tags: '',
    filters: {
      'resource-id': 'ResourceId',
      'resource-type': 'ResourceType',
      key: 'Key',
      value: 'Value',
    },
  },
]

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test.each([1, 2])(
  'whatever happened before (seed %d), a filter finds what looking at everything finds',
  async (seed) => {
    const account = openAccount(seed)
    for (let step = 1; step <= 1500; step++) {
      account.act()
      // What follows on a machine's end comes in microtasks.
      if (step % 5 === 0) await new Promise(setImmediate)
      account.compare()
    }
    // The random account was not an empty one.
    expect(Math.min(...account.compared.values())).toBeGreaterThan(20)
  },
)

function openAccount(seed: number) {
  const random = randomNumbers(seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  const oneOf = <T>(choices: readonly T[]): T | undefined => choices[below(choices.length)]
  const host = new ScriptedHost()
  const world = createWorld(host)
  const credential = world.directory.addUser({ name: 'test', policies: undefined })
  const handlers = handlersOf(ec2Actions, world)
  const [{ id: ImageId } = { id: '' }] = images.values()
  /** How often each describe found something that was looked for. */
  const compared = new Map(describes.map(({ action }) => [action, 0]))

  function call(action: string, input: Record<string, unknown>): unknown {
    const caller = { sourceIp: '127.0.0.1', userAgent: undefined, time: Date.now(), credential }
    return handlers(action)?.(input, { ...caller, service: 'ec2', action })
  }

  /** Refused or not, and sometimes seen only later. */
  function change(action: string, input: Record<string, unknown>): void {
    const [hiddenMs, tagLagMs] = [below(3) * 400, below(3) * 400]
    try {
      under({ hiddenMs: () => hiddenMs, tagLagMs: () => tagLagMs }, () => call(action, input))
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
    }
  }

  const tag = () => ({ Key: `k${below(4)}`, Value: `v${below(3)}` })
  const tagged = (type: string) =>
    below(2) === 0 ? {} : { TagSpecifications: [{ ResourceType: type, Tags: [tag()] }] }
  const instance = () => oneOf([...world.instances.keys()]) ?? 'i-01234567'
  const group = () => oneOf([...world.securityGroups.keys()]) ?? ''
  const resource = (): string =>
    oneOf([
      ...world.instances.keys(),
      ...world.volumes.keys(),
      ...world.networkInterfaces.keys(),
      ...world.securityGroups.keys(),
      ...world.securityGroupRules.keys(),
      ...world.keyPairs.keys(),
      ...world.subnets.keys(),
    ]) ?? ''
  const permissions = () => [
    {
      IpProtocol: 'tcp',
      FromPort: 22,
      ToPort: 22,
      ...(below(3) === 0
        ? { UserIdGroupPairs: [{ GroupId: group() }] }
        : { IpRanges: [{ CidrIp: `10.${below(3)}.0.0/16` }] }),
    },
  ]

  const acts: (() => void)[] = [
    () =>
      change('RunInstances', {
        ImageId,
        InstanceType: 'm7i.large',
        MinCount: 1,
        MaxCount: 1 + below(3),
        ClientToken: `token-${below(40)}`,
        SecurityGroupIds: [group()],
        Placement: { AvailabilityZone: `us-east-1${oneOf(['a', 'b', 'c'])}` },
        ...tagged(oneOf(['instance', 'volume', 'network-interface']) ?? ''),
        ...(below(4) === 0 && {
          BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: false } }],
        }),
      }),
    () => oneOf(host.machines)?.comeUp(),
    () => oneOf(host.machines)?.comeUp(),
    () => oneOf(host.machines)?.end({ reason: 'poweroff' }),
    () =>
      oneOf(host.machines.filter(({ unplugged, shutDowns }) => unplugged || shutDowns > 0))?.end({
        reason: 'unplugged',
      }),
    () => change('StopInstances', { InstanceIds: [instance()] }),
    () => change('StartInstances', { InstanceIds: [instance()] }),
    () => change('TerminateInstances', { InstanceIds: [instance()] }),
    () => change('ModifyInstanceAttribute', { InstanceId: instance(), Groups: [group(), group()] }),
    () =>
      change('CreateSecurityGroup', {
        GroupName: `g${below(9)}`,
        Description: 'd',
        ...tagged('security-group'),
      }),
    () => change('DeleteSecurityGroup', { GroupId: group() }),
    () =>
      change('AuthorizeSecurityGroupIngress', {
        GroupId: group(),
        IpPermissions: permissions(),
        ...tagged('security-group-rule'),
      }),
    () => change('RevokeSecurityGroupIngress', { GroupId: group(), IpPermissions: permissions() }),
    () =>
      change('UpdateSecurityGroupRuleDescriptionsIngress', {
        GroupId: group(),
        IpPermissions: permissions(),
      }),
    () =>
      change('ImportKeyPair', {
        KeyName: `k${below(9)}`,
        PublicKeyMaterial: Buffer.from(`ssh-ed25519 ${ed25519(below(5))}`),
        ...tagged('key-pair'),
      }),
    () => change('DeleteKeyPair', { KeyName: `k${below(9)}` }),
    () => change('CreateTags', { Resources: [resource(), resource()], Tags: [tag()] }),
    () => change('CreateTags', { Resources: [resource()], Tags: [tag()] }),
    () => change('DeleteTags', { Resources: [resource()], Tags: [{ Key: `k${below(4)}` }] }),
    () => change('DeleteTags', { Resources: [resource(), resource()] }),
    () => vi.advanceTimersByTime(below(500)),
    () => vi.advanceTimersByTime(below(500)),
    () => {
      // Long enough for what is terminated to be forgotten.
      if (below(10) === 0) vi.advanceTimersByTime(3_600_000)
    },
  ]

  function listed(kind: Described, input: Record<string, unknown>): unknown[] {
    return at(call(kind.action, input), kind.list)
  }

  function pages(kind: Described, input: Record<string, unknown>): unknown[] {
    const found: unknown[] = []
    let NextToken: string | undefined
    do {
      const answer = call(kind.action, { ...input, MaxResults: 5, NextToken })
      found.push(...at(answer, kind.list))
      NextToken = textsAt(answer, 'NextToken')[0]
    } while (NextToken !== undefined)
    return found
  }

  /** One or two filters of a kind, with values that something has, had, or never will. */
  function compareOne(kind: Described): void {
    const all = listed(kind, {})
    const names = [...Object.keys(kind.filters), `tag:k${below(4)}`]
    if (kind.tags !== '') names.push('tag-key')
    const chosen = Array.from({ length: 1 + below(2) }, () => {
      const Name = oneOf(names) ?? ''
      const read = reader(kind, Name)
      const seen = all.flatMap(read)
      const Values = Array.from({ length: 1 + below(3) }, () => {
        const value = oneOf(seen) ?? 'nothing'
        return below(5) === 0 ? `${value.slice(0, -1)}*` : value
      })
      return { Name, Values, read }
    })
    const Filters = chosen.map(({ Name, Values }) => ({ Name, Values }))
    const wanted = all.filter((item) =>
      chosen.every(({ Values, read }) =>
        read(item).some((value) =>
          Values.some((one) =>
            one.endsWith('*') ? value.startsWith(one.slice(0, -1)) : value === one,
          ),
        ),
      ),
    )
    expect({ ...kind, Filters, found: listed(kind, { Filters }) }).toEqual({
      ...kind,
      Filters,
      found: wanted,
    })
    if (kind.whole !== true) expect(pages(kind, { Filters })).toEqual(wanted)
    if (wanted.length > 0) compared.set(kind.action, (compared.get(kind.action) ?? 0) + 1)
  }

  return {
    act: () => oneOf(acts)?.(),
    compare() {
      const kind = oneOf(describes)
      if (kind !== undefined) compareOne(kind)
    },
    compared,
  }
}

function reader({ filters, tags }: Described, name: string): (item: unknown) => string[] {
  const path = filters[name]
  if (path !== undefined) return (item) => textsAt(item, path)
  if (name === 'tag-key') return (item) => textsAt(item, `${tags}.Key`)
  return (item) =>
    at(item, tags)
      .filter((tag) => textsAt(tag, 'Key')[0] === name.slice('tag:'.length))
      .flatMap((tag) => textsAt(tag, 'Value'))
}

/** All that is there: lists are gone into. */
function at(value: unknown, path: string): unknown[] {
  let values = [value].flat()
  for (const member of path.split('.').filter(Boolean)) {
    values = values.flatMap((one) =>
      typeof one === 'object' && one !== null ? (Reflect.get(one, member) ?? []) : [],
    )
  }
  return values
}

function textsAt(value: unknown, path: string): string[] {
  return at(value, path).filter((one) => typeof one === 'string')
}

function ed25519(number: number): string {
  const name = Buffer.from('ssh-ed25519')
  const key = Buffer.alloc(32, number + 1)
  return Buffer.concat([Buffer.of(0, 0, 0, 11), name, Buffer.of(0, 0, 0, 32), key]).toString(
    'base64',
  )
}
