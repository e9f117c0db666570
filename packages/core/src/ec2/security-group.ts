/** The one security group of a run: ssh from the caller, everything among the run's own machines. */
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeSecurityGroupsCommand,
  DescribeVpcsCommand,
} from '@aws-sdk/client-ec2'

import { BenchawayError } from '../errors.ts'
import { awsCode, call } from './call.ts'
import type { Clients } from './clients.ts'
import { pollUntil } from './poll.ts'
import { readTags, type RunTags, tagSpecifications } from './tags.ts'

/** How long EC2 may take to know everywhere what it has just created. */
const settleMs = 30_000

/** @returns the id, such as `sg-0123456789abcdef0` */
export async function createSecurityGroup(
  clients: Clients,
  tags: RunTags,
  cidrs: readonly string[],
): Promise<string> {
  const vpc = await defaultVpc(clients)
  const id = await createOrAdopt(clients, tags, vpc)
  const authorized = await pollUntil(() => authorize(clients, id, cidrs), { timeoutMs: settleMs })
  if (authorized === true) return id
  throw new BenchawayError('AWS_REFUSED', `EC2 does not know ${id}, which it has just created`, {
    hint: 'Try again: EC2 is slow to tell all of its parts.',
  })
}

/** Undefined while EC2 does not know its own new group yet. */
async function authorize(
  clients: Clients,
  id: string,
  cidrs: readonly string[],
): Promise<true | undefined> {
  const Description = 'ssh from the caller'
  const of = (family: 4 | 6): string[] =>
    cidrs.filter((cidr) => cidr.includes(':') === (family === 6))
  const command = new AuthorizeSecurityGroupIngressCommand({
    GroupId: id,
    IpPermissions: [
      {
        IpProtocol: 'tcp',
        FromPort: 22,
        ToPort: 22,
        IpRanges: of(4).map((CidrIp) => ({ CidrIp, Description })),
        Ipv6Ranges: of(6).map((CidrIpv6) => ({ CidrIpv6, Description })),
      },
      { IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: id }] },
    ],
  })
  try {
    await call('AuthorizeSecurityGroupIngress', clients, () => clients.ec2.send(command))
    return true
  } catch (error) {
    const code = awsCode(error)
    // The SDK repeats a request whose answer was lost, and this one knows no client token.
    if (code === 'InvalidPermission.Duplicate') return true
    if (code === 'InvalidGroup.NotFound') return undefined
    throw error
  }
}

async function defaultVpc(clients: Clients): Promise<string> {
  const answer = await call('DescribeVpcs', clients, () =>
    clients.ec2.send(
      new DescribeVpcsCommand({ Filters: [{ Name: 'is-default', Values: ['true'] }] }),
    ),
  )
  const id = answer.Vpcs?.[0]?.VpcId
  if (id !== undefined) return id
  throw new BenchawayError('NO_DEFAULT_VPC', `${clients.region} has no default VPC`, {
    hint: `Create one with 'aws ec2 create-default-vpc --region ${clients.region}', or use another region.`,
  })
}

async function createOrAdopt(clients: Clients, tags: RunTags, vpc: string): Promise<string> {
  const name = `benchaway-${tags.run}`
  try {
    const answer = await call('CreateSecurityGroup', clients, () =>
      clients.ec2.send(
        new CreateSecurityGroupCommand({
          GroupName: name,
          Description: `Machines of one benchaway run of ${tags.project}`,
          VpcId: vpc,
          TagSpecifications: tagSpecifications(tags, ['security-group']),
        }),
      ),
    )
    if (answer.GroupId !== undefined) return answer.GroupId
    throw new BenchawayError('AWS_REFUSED', 'CreateSecurityGroup answered without an id')
  } catch (error) {
    if (awsCode(error) !== 'InvalidGroup.Duplicate') throw error
    // The name holds our run id: the group is from our own request, whose answer was lost.
    const ours = await pollUntil(() => ownGroup(clients, tags, vpc, name), { timeoutMs: settleMs })
    if (ours === undefined) throw error
    return ours
  }
}

/** Undefined while EC2 does not show it, or not yet with our tags. */
async function ownGroup(
  clients: Clients,
  tags: RunTags,
  vpc: string,
  name: string,
): Promise<string | undefined> {
  const answer = await call('DescribeSecurityGroups', clients, () =>
    clients.ec2.send(
      new DescribeSecurityGroupsCommand({
        Filters: [
          { Name: 'group-name', Values: [name] },
          { Name: 'vpc-id', Values: [vpc] },
        ],
      }),
    ),
  )
  return answer.SecurityGroups?.find((group) => readTags(group.Tags, tags)?.run === tags.run)
    ?.GroupId
}

/** The group that a VPC gives to whoever names none; the way out of our own group. */
export async function defaultGroupOf(clients: Clients, vpc: string): Promise<string | undefined> {
  const answer = await call('DescribeSecurityGroups', clients, () =>
    clients.ec2.send(
      new DescribeSecurityGroupsCommand({
        Filters: [
          { Name: 'vpc-id', Values: [vpc] },
          { Name: 'group-name', Values: ['default'] },
        ],
      }),
    ),
  )
  return answer.SecurityGroups?.[0]?.GroupId
}

/**
 * Deletes a group, waiting for the interfaces of ended machines to let go of it.
 *
 * @returns false when it was still in use after `timeoutMs`: it costs nothing, and the next sweep takes it
 */
export async function deleteSecurityGroup(
  clients: Clients,
  id: string,
  timeoutMs: number,
): Promise<boolean> {
  const deleted = await pollUntil(
    async () => {
      try {
        await call('DeleteSecurityGroup', clients, () =>
          clients.ec2.send(new DeleteSecurityGroupCommand({ GroupId: id })),
        )
        return true
      } catch (error) {
        const code = awsCode(error)
        if (code === 'InvalidGroup.NotFound') return true
        if (code === 'DependencyViolation' || code === 'InvalidGroup.InUse') return undefined
        throw error
      }
    },
    { timeoutMs },
  )
  return deleted ?? false
}
