/**
 * What AWS says with each of its better known error codes. Their HTTP statuses are in `query/api-error.ts`.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 */
import type { Call } from '../query/service.ts'
import { isRecord } from './checks.ts'

type Input = Readonly<Record<string, unknown>>
type Name = Pick<Call, 'service' | 'action'>
type Words = string | ((call: Name, input: Input) => string)

const limitIncrease =
  'Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.'

const words: Readonly<Record<string, Words>> = {
  // of the account or the credentials
  AccessDenied: ({ service, action }) => `User is not authorized to perform: ${service}:${action}`,
  AuthFailure: 'AWS was not able to validate the provided access credentials',
  Blocked: 'This account is currently blocked and not recognized as a valid account.',
  ExpiredToken: 'The security token included in the request is expired',
  IncompleteSignature: 'The request signature does not conform to AWS standards.',
  InvalidClientTokenId: 'The security token included in the request is invalid.',
  OptInRequired:
    'You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe.',
  PendingVerification:
    'Your request for accessing resources in this region is being validated, and you will not be able to launch additional resources in this region until the validation is complete.',
  RequestExpired: 'Request has expired.',
  SignatureDoesNotMatch:
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
  UnauthorizedOperation: 'You are not authorized to perform this operation.',

  // of the request
  DryRunOperation: 'Request would have succeeded, but DryRun flag is set.',
  IdempotentParameterMismatch: (_, input) =>
    `Arguments on this idempotent request are inconsistent with arguments used in previous request(s) with client token '${named(input, 'ClientToken')}'.`,
  InvalidParameterCombination: 'The parameters of the request cannot be used together.',
  InvalidParameterValue: 'A value specified in a parameter is not valid.',
  MissingParameter: 'The request is missing a required parameter.',
  UnsupportedOperation: 'The specified request includes an unsupported operation.',
  Unsupported: (_, input) =>
    `Your requested instance type (${named(input, 'InstanceType')}) is not supported in your requested Availability Zone (${named(input, 'Placement.AvailabilityZone')}).`,

  // of what it names
  'InvalidAMIID.NotFound': (_, input) =>
    `The image id '[${named(input, 'ImageId')}]' does not exist`,
  'InvalidAMIID.Unavailable': (_, input) =>
    `The image id '[${named(input, 'ImageId')}]' is no longer available`,
  'InvalidGroup.Duplicate': (_, input) =>
    `The security group '${named(input, 'GroupName')}' already exists`,
  'InvalidGroup.InUse': (_, input) =>
    `There are active instances using security group '${named(input, 'GroupId', 'GroupName')}'`,
  'InvalidGroup.NotFound': (_, input) =>
    `The security group '${named(input, 'GroupId', 'GroupIds', 'SecurityGroupIds', 'GroupName')}' does not exist`,
  'InvalidInstanceID.NotFound': (_, input) =>
    `The instance ID '${named(input, 'InstanceId', 'InstanceIds')}' does not exist`,
  'InvalidKeyPair.Duplicate': (_, input) =>
    `The keypair '${named(input, 'KeyName')}' already exists.`,
  'InvalidKeyPair.NotFound': (_, input) =>
    `The key pair '${named(input, 'KeyName')}' does not exist`,
  'InvalidNetworkInterfaceID.NotFound': (_, input) =>
    `The networkInterface ID '${named(input, 'NetworkInterfaceId', 'NetworkInterfaceIds')}' does not exist`,
  'InvalidSubnetID.NotFound': (_, input) =>
    `The subnet ID '${named(input, 'SubnetId', 'SubnetIds')}' does not exist`,
  'InvalidVolume.NotFound': (_, input) =>
    `The volume '${named(input, 'VolumeId', 'VolumeIds')}' does not exist.`,
  'InvalidVpcID.NotFound': (_, input) =>
    `The vpc ID '${named(input, 'VpcId', 'VpcIds')}' does not exist`,
  DependencyViolation: (_, input) =>
    `resource ${named(input, 'GroupId', 'NetworkInterfaceId', 'SubnetId', 'VpcId')} has a dependent object`,
  IncorrectInstanceState: (_, input) =>
    `The instance '${named(input, 'InstanceId', 'InstanceIds')}' is not in a state from which it can be changed.`,
  OperationNotPermitted: (_, input) =>
    `The instance '${named(input, 'InstanceId', 'InstanceIds')}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,

  // of what there is no more of
  AddressLimitExceeded: 'The maximum number of addresses has been reached.',
  InstanceLimitExceeded: (_, input) =>
    `You have requested more instances (${named(input, 'MaxCount')}) than your current instance limit of 0 allows for the specified instance type. ${limitIncrease}`,
  MaxSpotInstanceCountExceeded: 'Max spot instance count exceeded',
  RulesPerSecurityGroupLimitExceeded:
    'The maximum number of rules per security group has been reached.',
  SecurityGroupLimitExceeded: 'The maximum number of security groups for VPC has been reached.',
  TagLimitExceeded: 'The maximum number of Tags for a resource has been reached.',
  VcpuLimitExceeded: `You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket that the specified instance type belongs to. ${limitIncrease}`,
  VolumeLimitExceeded: `You have exceeded your maximum gp3 storage limit of 50 TiB in this region. ${limitIncrease}`,
  InsufficientAddressCapacity: 'Insufficient address capacity.',
  InsufficientFreeAddressesInSubnet: (_, input) =>
    `There are not enough free addresses in subnet '${named(input, 'SubnetId')}' to satisfy the requested number of instances.`,
  InsufficientInstanceCapacity: 'Insufficient capacity.',
  InsufficientVolumeCapacity: 'Insufficient volume capacity.',

  // of AWS itself
  BandwidthLimitExceeded: 'Bandwidth limit exceeded.',
  InternalError: 'An internal error has occurred',
  InternalFailure: 'The request processing has failed because of an unknown error.',
  RequestLimitExceeded: 'Request limit exceeded.',
  ServiceUnavailable: 'Service is unavailable. Please try again shortly.',
  Throttling: 'Rate exceeded',
  Unavailable: 'The service is unavailable. Please try again shortly.',
}

export const knownErrors: readonly string[] = Object.keys(words)

/** `undefined` for a code that is not known here. */
export function wordsOf(code: string, call: Name, input: Input): string | undefined {
  const said = Object.hasOwn(words, code) ? words[code] : undefined
  return typeof said === 'function' ? said(call, input) : said
}

/** The value of the first of these parameters that the call has, the first one of a list. */
function named(input: Input, ...paths: string[]): string {
  for (const path of paths) {
    let value: unknown = input
    for (const member of path.split('.')) value = isRecord(value) ? value[member] : undefined
    const first: unknown = Array.isArray(value) ? value[0] : value
    if (typeof first === 'string' || typeof first === 'number') return String(first)
  }
  return 'null'
}
