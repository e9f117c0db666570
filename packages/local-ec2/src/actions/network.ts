/** DescribeVpcs, DescribeSubnets, DescribeAvailabilityZones. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { formatCidr, usableAddresses } from '../world/cidr.ts'
import { region, type Subnet, type Vpc, type Zone, zones } from '../world/network.ts'
import type { World } from '../world/world.ts'
import type { Ec2Actions } from './action.ts'
import { describe } from './common/describe.ts'
import type { Fields } from './common/filters.ts'
import { invalidValue } from './common/refusals.ts'
import { tagList } from './common/tags.ts'
import { untaggedMatcher } from './common/untagged.ts'

export const networkActions: Ec2Actions = {
  DescribeVpcs: {
    accepts: { VpcIds: true, Filters: true, MaxResults: true, NextToken: true, DryRun: true },
    plan(input, world) {
      const { items, NextToken } = describe(input, {
        kind: 'vpc',
        resources: world.vpcs,
        fields: vpcFields(world),
        ids: input.VpcIds,
      })
      return () => ({ Vpcs: items.map((vpc) => showVpc(vpc, world)), NextToken })
    },
  },
  DescribeSubnets: {
    accepts: { SubnetIds: true, Filters: true, MaxResults: true, NextToken: true, DryRun: true },
    plan(input, world) {
      const { items, NextToken } = describe(input, {
        kind: 'subnet',
        resources: world.subnets,
        fields: subnetFields(world),
        ids: input.SubnetIds,
      })
      return () => ({ Subnets: items.map((subnet) => showSubnet(subnet, world)), NextToken })
    },
  },
  DescribeAvailabilityZones: {
    accepts: {
      ZoneNames: true,
      ZoneIds: true,
      Filters: true,
      AllAvailabilityZones: true,
      DryRun: true,
    },
    plan({ ZoneNames: names = [], ZoneIds: ids = [], Filters }) {
      const matches = untaggedMatcher(zoneFields, Filters)
      const unknown = [
        ...names.filter((name) => !zones.some((zone) => zone.name === name)),
        ...ids.filter((id) => !zones.some((zone) => zone.id === id)),
      ]
      if (unknown.length > 0) {
        throw invalidValue(`Invalid availability zone: [${unknown[0]}]`)
      }
      const chosen = zones.filter(
        (zone) =>
          (names.length === 0 || names.includes(zone.name)) &&
          (ids.length === 0 || ids.includes(zone.id)) &&
          matches(zone),
      )
      return () => ({ AvailabilityZones: chosen.map(showZone) })
    },
  },
}

const vpcFields = ({ accountId, defaultVpc }: World): Fields<Vpc> => ({
  cidr: (vpc) => formatCidr(vpc.cidr),
  'cidr-block-association.association-id': cidrAssociationId,
  'cidr-block-association.cidr-block': (vpc) => formatCidr(vpc.cidr),
  'cidr-block-association.state': () => 'associated',
  'dhcp-options-id': () => 'default',
  // No VPC here has any.
  'ipv6-cidr-block-association.association-id': () => undefined,
  'ipv6-cidr-block-association.ipv6-cidr-block': () => undefined,
  'ipv6-cidr-block-association.ipv6-pool': () => undefined,
  'ipv6-cidr-block-association.state': () => undefined,
  'is-default': (vpc) => vpc === defaultVpc,
  // The name that EC2 had for it first, and still takes.
  isDefault: (vpc) => vpc === defaultVpc,
  'owner-id': () => accountId,
  state: () => 'available',
  'vpc-id': (vpc) => vpc.id,
})

const subnetFields = (world: World): Fields<Subnet> => ({
  'availability-zone': ({ zone }) => zone.name,
  availabilityZone: ({ zone }) => zone.name,
  'availability-zone-id': ({ zone }) => zone.id,
  availabilityZoneId: ({ zone }) => zone.id,
  'available-ip-address-count': (subnet) => freeAddresses(subnet, world),
  'cidr-block': ({ cidr }) => formatCidr(cidr),
  cidr: ({ cidr }) => formatCidr(cidr),
  cidrBlock: ({ cidr }) => formatCidr(cidr),
  'default-for-az': () => true,
  defaultForAz: () => true,
  'enable-dns64': () => false,
  'ipv6-native': () => false,
  'map-customer-owned-ip-on-launch': () => false,
  'map-public-ip-on-launch': () => true,
  // No subnet here has any.
  'customer-owned-ipv4-pool': () => undefined,
  'enable-lni-at-device-index': () => undefined,
  'ipv6-cidr-block-association.association-id': () => undefined,
  'ipv6-cidr-block-association.ipv6-cidr-block': () => undefined,
  'ipv6-cidr-block-association.state': () => undefined,
  'outpost-arn': () => undefined,
  'private-dns-name-options-on-launch.enable-resource-name-dns-a-record': () => false,
  'private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record': () => false,
  'private-dns-name-options-on-launch.hostname-type': () => 'ip-name',
  'owner-id': () => world.accountId,
  state: () => 'available',
  'subnet-arn': (subnet) => subnetArn(subnet, world),
  'subnet-id': ({ id }) => id,
  'vpc-id': ({ vpc }) => vpc.id,
})

const groupLongName = 'US East (N. Virginia) 1'

const zoneFields: Fields<Zone> = {
  'group-long-name': () => groupLongName,
  'group-name': () => `${region}-zg-1`,
  message: () => undefined,
  'opt-in-status': () => 'opt-in-not-required',
  // Only Local Zones and Wavelength Zones have a parent.
  'parent-zone-id': () => undefined,
  'parent-zone-name': () => undefined,
  'region-name': () => region,
  state: () => 'available',
  'zone-id': ({ id }) => id,
  'zone-name': ({ name }) => name,
  'zone-type': () => 'availability-zone',
}

/** How many machines a subnet still has room for. */
export function freeAddresses(subnet: Subnet, { networkInterfaces }: World): number {
  return Math.max(0, usableAddresses(subnet.cidr) - networkInterfaces.count('subnet-id', subnet.id))
}

function cidrAssociationId({ id }: Pick<Vpc, 'id'>): string {
  return id.replace('vpc-', 'vpc-cidr-assoc-')
}

function showVpc(vpc: Vpc, { accountId, defaultVpc }: World): ec2.Vpc {
  const { id, cidr, tags } = vpc
  return {
    VpcId: id,
    OwnerId: accountId,
    State: 'available',
    CidrBlock: formatCidr(cidr),
    CidrBlockAssociationSet: [
      {
        AssociationId: cidrAssociationId(vpc),
        CidrBlock: formatCidr(cidr),
        CidrBlockState: { State: 'associated' },
      },
    ],
    DhcpOptionsId: 'default',
    InstanceTenancy: 'default',
    IsDefault: id === defaultVpc.id,
    Tags: tagList(tags),
  }
}

function showSubnet(subnet: Subnet, world: World): ec2.Subnet {
  const { id, vpc, zone, cidr, tags } = subnet
  return {
    SubnetId: id,
    SubnetArn: subnetArn(subnet, world),
    VpcId: vpc.id,
    OwnerId: world.accountId,
    State: 'available',
    AvailabilityZone: zone.name,
    AvailabilityZoneId: zone.id,
    CidrBlock: formatCidr(cidr),
    AvailableIpAddressCount: freeAddresses(subnet, world),
    DefaultForAz: true,
    MapPublicIpOnLaunch: true,
    AssignIpv6AddressOnCreation: false,
    Ipv6Native: false,
    EnableDns64: false,
    MapCustomerOwnedIpOnLaunch: false,
    Ipv6CidrBlockAssociationSet: [],
    PrivateDnsNameOptionsOnLaunch: {
      HostnameType: 'ip-name',
      EnableResourceNameDnsARecord: false,
      EnableResourceNameDnsAAAARecord: false,
    },
    Tags: tagList(tags),
  }
}

function subnetArn({ id }: Subnet, { accountId }: World): string {
  return `arn:aws:ec2:${region}:${accountId}:subnet/${id}`
}

function showZone({ name, id }: Zone): ec2.AvailabilityZone {
  return {
    ZoneName: name,
    ZoneId: id,
    ZoneType: 'availability-zone',
    RegionName: region,
    GroupName: `${region}-zg-1`,
    GroupLongName: groupLongName,
    NetworkBorderGroup: region,
    OptInStatus: 'opt-in-not-required',
    State: 'available',
    Messages: [],
  }
}
