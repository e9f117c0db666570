/** From the text of one parameter to its value. */
import { ApiError } from './api-error.ts'
import type { Scalar } from './model.ts'

/**
 * @param member `Structure.Member`, which says how wide a number may be
 * @returns `undefined` for text that is no such value
 * @throws {ApiError} `InvalidCharacter` for a string that no answer could repeat
 */
export function readScalar(kind: Scalar, text: string, member: string): unknown {
  switch (kind) {
    case 'boolean':
      return /^(?:true|false)$/i.test(text) ? text.toLowerCase() === 'true' : undefined
    case 'number':
      return readNumber(text, member)
    case 'timestamp':
      return readTimestamp(text)
    case 'blob':
      return readBlob(text)
    default:
      return readString(text)
  }
}

function readString(text: string): string {
  // XML 1.0 has no way to write these, so that the answers that show such a name could not be read.
  // oxlint-disable-next-line no-control-regex -- it is them that are looked for
  if (/[\0-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text)) {
    throw new ApiError('InvalidCharacter', 'A specified character is invalid.')
  }
  return text
}

function readNumber(text: string, member: string): number | undefined {
  if (doubles.has(member)) {
    const value = Number(text)
    return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) && Number.isFinite(value)
      ? value
      : undefined
  }
  if (!/^[+-]?\d+$/.test(text)) return undefined
  const value = Number(text)
  // A Long beyond 2^53 would lose digits, and no parameter of EC2 is that large.
  const limit = longs.has(member) ? Number.MAX_SAFE_INTEGER : 2 ** 31 - 1
  return value <= limit && value >= -limit - 1 ? value : undefined
}

function readTimestamp(text: string): Date | undefined {
  const iso = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d))?$/
  const date = new Date(iso.test(text) ? text : Number.NaN)
  return Number.isNaN(date.getTime()) ? undefined : date
}

function readBlob(text: string): Uint8Array | undefined {
  // Buffer skips what is not base64, and would take half of a corrupted text for the whole.
  const dense = text.replace(/[\r\n]+/g, '')
  const isBase64 = dense.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(dense)
  return isBase64 ? new Uint8Array(Buffer.from(dense, 'base64')) : undefined
}

/**
 * The SDK's model knows numbers only; in EC2's own, all that are not listed here are Integers of 32 bits.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Operations.html
 */
const longs = members({
  CopyImageRequest: 'SnapshotCopyCompletionDurationMinutes',
  CreateCapacityReservationRequest: 'CommitmentDuration',
  CreateCustomerGatewayRequest: 'BgpAsnExtended',
  CreateIpamPrefixListResolverTargetRequest: 'DesiredVersion',
  CreateLocalGatewayVirtualInterfaceGroupRequest: 'LocalBgpAsnExtended',
  CreateLocalGatewayVirtualInterfaceRequest: 'PeerBgpAsnExtended',
  CreateReplaceRootVolumeTaskRequest: 'VolumeInitializationRate',
  CreateRouteServerRequest: 'AmazonSideAsn PersistRoutesDuration',
  CreateVpnGatewayRequest: 'AmazonSideAsn',
  DescribeReservedInstancesOfferingsRequest: 'MaxDuration MinDuration',
  DiskImageDetail: 'Bytes',
  GetIpamPrefixListResolverVersionEntriesRequest: 'IpamPrefixListResolverVersion',
  GetIpamPrefixListResolverVersionsRequest: 'IpamPrefixListResolverVersions',
  GetManagedPrefixListEntriesRequest: 'TargetVersion',
  ModifyIpamPrefixListResolverTargetRequest: 'DesiredVersion',
  ModifyManagedPrefixListRequest: 'CurrentVersion',
  ModifyRouteServerRequest: 'PersistRoutesDuration',
  ModifyTransitGatewayOptions: 'AmazonSideAsn',
  PriceScheduleSpecification: 'Term',
  RestoreManagedPrefixListVersionRequest: 'CurrentVersion PreviousVersion',
  RouteServerBgpOptionsRequest: 'PeerAsn',
  TransitGatewayConnectRequestBgpOptions: 'PeerAsn',
  TransitGatewayRequestOptions: 'AmazonSideAsn',
  VolumeDetail: 'Size',
})

const doubles = members({
  ClientData: 'UploadSize',
  FleetLaunchTemplateOverridesRequest: 'Priority WeightedCapacity',
  LaunchTemplateOverrides: 'Priority WeightedCapacity',
  MemoryGiBPerVCpu: 'Max Min',
  MemoryGiBPerVCpuRequest: 'Max Min',
  NetworkBandwidthGbps: 'Max Min',
  NetworkBandwidthGbpsRequest: 'Max Min',
  PriceScheduleSpecification: 'Price',
  ReservationFleetInstanceSpecification: 'Weight',
  ReservedInstanceLimitPrice: 'Amount',
  SpotFleetLaunchSpecification: 'WeightedCapacity',
  SpotFleetRequestConfigData: 'FulfilledCapacity OnDemandFulfilledCapacity',
  TotalLocalStorageGB: 'Max Min',
  TotalLocalStorageGBRequest: 'Max Min',
})

function members(table: Record<string, string>): ReadonlySet<string> {
  return new Set(
    Object.entries(table).flatMap(([structure, names]) =>
      names.split(' ').map((name) => `${structure}.${name}`),
    ),
  )
}
