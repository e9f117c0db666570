/** A rule that a call gives without a list of them, as all calls did once. */
import type { AuthorizeSecurityGroupIngressRequest, IpPermission } from '@aws-sdk/client-ec2'

import { exclusive } from '../common/refusals.ts'

type Authorization = AuthorizeSecurityGroupIngressRequest

/** All that a call permits, in whichever form. @throws {ApiError} `InvalidParameterCombination` */
export function permissionsOf(input: Authorization): IpPermission[] {
  const { IpProtocol, FromPort, ToPort, CidrIp, IpPermissions = [] } = input
  const { SourceSecurityGroupName: GroupName, SourceSecurityGroupOwnerId: UserId } = input
  if (!isSingle(input)) return IpPermissions
  if (IpPermissions.length > 0) {
    throw exclusive('ipPermissions', 'the parameters of a single rule')
  }
  if (GroupName === undefined && UserId === undefined) {
    return [{ IpProtocol, FromPort, ToPort, IpRanges: CidrIp === undefined ? [] : [{ CidrIp }] }]
  }
  if ([IpProtocol, FromPort, ToPort, CidrIp].some((value) => value !== undefined)) {
    throw exclusive('sourceSecurityGroupName', 'a protocol, ports or a CIDR range')
  }
  const UserIdGroupPairs = [{ GroupName, UserId }]
  return [
    { IpProtocol: 'tcp', FromPort: 0, ToPort: 65_535, UserIdGroupPairs },
    { IpProtocol: 'udp', FromPort: 0, ToPort: 65_535, UserIdGroupPairs },
    { IpProtocol: 'icmp', FromPort: -1, ToPort: -1, UserIdGroupPairs },
  ]
}

export function isSingle(input: Authorization): boolean {
  const { IpProtocol, FromPort, ToPort, CidrIp } = input
  const { SourceSecurityGroupName: name, SourceSecurityGroupOwnerId: owner } = input
  return [IpProtocol, FromPort, ToPort, CidrIp, name, owner].some((value) => value !== undefined)
}
