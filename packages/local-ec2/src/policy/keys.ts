/**
 * The condition keys that calls of this endpoint have, and those that they would not have on AWS either.
 *
 * A policy with any other key is refused: it would be applied in part only, and nobody would notice.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
 */
import { invalid } from './invalid.ts'

/** One value at most, or a set of them. */
const single = [
  'aws:CurrentTime',
  'aws:EpochTime',
  'aws:MultiFactorAuthPresent',
  'aws:PrincipalAccount',
  'aws:PrincipalArn',
  'aws:PrincipalIsAWSService',
  'aws:PrincipalType',
  'aws:RequestedRegion',
  'aws:ResourceAccount',
  'aws:SecureTransport',
  'aws:SourceIp',
  'aws:TokenIssueTime',
  'aws:UserAgent',
  'aws:ViaAWSService',
  'aws:userid',
  'aws:username',
  'ec2:AssociatePublicIpAddress',
  'ec2:Attribute',
  'ec2:AvailabilityZone',
  'ec2:AvailabilityZoneId',
  'ec2:CreateAction',
  'ec2:EbsOptimized',
  'ec2:Encrypted',
  'ec2:ImageID',
  'ec2:ImageType',
  'ec2:InstanceAutoRecovery',
  'ec2:InstanceID',
  'ec2:InstanceMarketType',
  'ec2:InstanceMetadataTags',
  'ec2:InstanceType',
  'ec2:KeyPairName',
  'ec2:KeyPairType',
  'ec2:MetadataHttpEndpoint',
  'ec2:MetadataHttpPutResponseHopLimit',
  'ec2:MetadataHttpTokens',
  'ec2:NetworkInterfaceID',
  'ec2:Owner',
  'ec2:ParentSnapshot',
  'ec2:Public',
  'ec2:Region',
  'ec2:RootDeviceType',
  'ec2:SecurityGroupID',
  'ec2:SnapshotID',
  'ec2:Subnet',
  'ec2:SubnetID',
  'ec2:Tenancy',
  'ec2:VolumeID',
  'ec2:VolumeIops',
  'ec2:VolumeSize',
  'ec2:VolumeThroughput',
  'ec2:VolumeType',
  'ec2:Vpc',
  'ec2:VpcID',
  'sts:ExternalId',
  'sts:RoleSessionName',
]

/** What a call has in an organization, through a VPC endpoint, with MFA, or when a service makes it. */
const absent = [
  'aws:CalledViaFirst',
  'aws:CalledViaLast',
  'aws:FederatedProvider',
  'aws:MultiFactorAuthAge',
  'aws:PrincipalOrgID',
  'aws:PrincipalServiceName',
  'aws:ResourceOrgID',
  'aws:SourceAccount',
  'aws:SourceArn',
  'aws:SourceIdentity',
  'aws:SourceOrgID',
  'aws:SourceVpc',
  'aws:SourceVpce',
  'aws:VpcSourceIp',
  'ec2:InstanceProfile',
  'ec2:LaunchTemplate',
  'ec2:ManagedResourceOperator',
  'ec2:PlacementGroup',
  'ec2:PlacementGroupName',
  'ec2:PlacementGroupStrategy',
]

const multiple = [
  'aws:CalledVia',
  'aws:PrincipalOrgPaths',
  'aws:PrincipalServiceNamesList',
  'aws:ResourceOrgPaths',
  'aws:SourceOrgPaths',
  'aws:TagKeys',
  'sts:TransitiveTagKeys',
]

/** Each followed by `/` and the key of a tag, or the name of an attribute. */
const named = [
  'aws:PrincipalTag',
  'aws:RequestTag',
  'aws:ResourceTag',
  'ec2:Attribute',
  'ec2:ResourceTag',
]

const singleNames = new Set([...single, ...absent].map((name) => name.toLowerCase()))
const multipleNames = new Set(multiple.map((name) => name.toLowerCase()))
const prefixes = named.map((name) => `${name.toLowerCase()}/`)

/** @throws {LocalEc2Error} `POLICY_INVALID` for a key that is not modelled */
export function checkKey(key: string, place: string): { multiple: boolean } {
  const name = key.toLowerCase()
  if (multipleNames.has(name)) return { multiple: true }
  const isNamed = prefixes.some((prefix) => name.startsWith(prefix) && name.length > prefix.length)
  if (isNamed || singleNames.has(name)) return { multiple: false }
  throw invalid(place, `the condition key '${key}' is not modelled by this endpoint`)
}
