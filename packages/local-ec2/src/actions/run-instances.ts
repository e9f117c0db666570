/** RunInstances. */
import type * as ec2 from '@aws-sdk/client-ec2'

import { ApiError } from '../query/api-error.ts'
import type { Instance, LaunchSpec } from '../world/instance.ts'
import { checkRepeat, membersOf, noFreeAddress, reserve } from '../world/reservation.ts'
import type { World } from '../world/world.ts'
import type { Ec2Actions } from './action.ts'
import { choice } from './common/choice.ts'
import { readTagSpecifications } from './common/tags.ts'
import { showReservations } from './instance/show.ts'
import { type Counts, readCounts } from './launch/count.ts'
import { checkCredits, readCpu } from './launch/cpu.ts'
import { launchDemands } from './launch/demands.ts'
import { digestInput, digestLaunch } from './launch/fingerprint.ts'
import { checkArchitecture, checkSystem, readImage, readType } from './launch/image.ts'
import { readMetadata, usualMetadata } from './launch/metadata.ts'
import { readNetwork } from './launch/network.ts'
import { checkPlain, readKeyPair, readNames, readReservationPreference } from './launch/options.ts'
import { readUserData } from './launch/user-data.ts'
import { readRootVolume } from './launch/volume.ts'
import { checkCapacity } from './launch/zone.ts'
import { freeAddresses } from './network.ts'

type Input = ec2.RunInstancesCommandInput

export const runInstancesActions: Ec2Actions = {
  RunInstances: {
    accepts: {
      BlockDeviceMappings: {
        DeviceName: true,
        Ebs: {
          VolumeSize: true,
          VolumeType: true,
          Iops: true,
          Throughput: true,
          Encrypted: true,
          DeleteOnTermination: true,
          SnapshotId: true,
        },
      },
      CapacityReservationSpecification: { CapacityReservationPreference: true },
      ClientToken: true,
      CpuOptions: { CoreCount: true, ThreadsPerCore: true },
      CreditSpecification: true,
      DisableApiStop: true,
      DisableApiTermination: true,
      DryRun: true,
      EbsOptimized: true,
      EnclaveOptions: true,
      HibernationOptions: true,
      ImageId: true,
      InstanceInitiatedShutdownBehavior: true,
      InstanceType: true,
      KeyName: true,
      MaintenanceOptions: { AutoRecovery: true },
      MaxCount: true,
      MetadataOptions: true,
      MinCount: true,
      Monitoring: true,
      NetworkInterfaces: {
        AssociatePublicIpAddress: true,
        DeleteOnTermination: true,
        Description: true,
        DeviceIndex: true,
        Groups: true,
        InterfaceType: true,
        NetworkCardIndex: true,
        PrivateIpAddress: true,
        PrivateIpAddresses: true,
        SubnetId: true,
      },
      Placement: {
        AvailabilityZone: true,
        AvailabilityZoneId: true,
        GroupName: true,
        Tenancy: true,
      },
      PrivateDnsNameOptions: true,
      PrivateIpAddress: true,
      SecurityGroupIds: true,
      SecurityGroups: true,
      SubnetId: true,
      TagSpecifications: true,
      UserData: true,
    },
    plan(input, world) {
      const { ClientToken: clientToken = '' } = input
      if (!/^[\x21-\x7e]{0,64}$/.test(clientToken)) {
        throw new ApiError('InvalidClientToken', 'Client token must be at most 64 ASCII characters')
      }
      const asked = digestInput(input)
      const earlier = world.reservations.get(clientToken)
      // What it needs may be gone by now, such as a key pair; an answer that was lost is owed all the same.
      const known = earlier?.fingerprints.includes(asked) ? earlier.spec : undefined
      const counts = readCounts(input)
      const spec = known ?? readSpec(input, counts, world)
      const fingerprints = [asked, digestLaunch(spec, counts, input)]
      const demands = launchDemands(spec, input, world)
      if (earlier !== undefined) {
        return {
          demands,
          check: () => checkRepeat(world, earlier, { clientToken, fingerprints }),
          commit: () => show(membersOf(world, earlier), world),
        }
      }
      const free = freeAddresses(spec.subnet, world)
      return {
        demands,
        check() {
          if (free < counts.min) throw noFreeAddress(spec.subnet.id)
        },
        commit() {
          // Not before: a DryRun does not hear of capacity.
          checkCapacity(spec.type, spec.subnet)
          // As many as there is room for.
          const count = Math.min(counts.max, free)
          const made = membersOf(world, reserve(world, spec, { count, fingerprints }))
          return show(made.map(asLaunched), world)
        },
      }
    },
  },
}

function show(instances: readonly Instance[], world: World): ec2.Reservation {
  return showReservations(instances, world)[0] ?? {}
}

/** EC2 has answered before it attaches volumes and gives a public address. */
function asLaunched(instance: Instance): Instance {
  const { networkInterface } = instance
  return {
    ...instance,
    volumes: [],
    networkInterface: networkInterface && { ...networkInterface, publicIp: undefined },
  }
}

function readSpec(input: Input, counts: Counts, world: World): LaunchSpec {
  const type = readType(input.InstanceType, world)
  const image = readImage(input.ImageId)
  checkArchitecture(type, image)
  checkSystem(image, world)
  checkPlain(input)
  checkCredits(input.CreditSpecification, type)
  const tags = readTagSpecifications(input.TagSpecifications, [
    'instance',
    'volume',
    'network-interface',
  ])
  return {
    image,
    type,
    cpu: readCpu(input.CpuOptions, type),
    ...readNetwork(input, { type, count: counts.min }, world),
    rootVolume: readRootVolume(input.BlockDeviceMappings, image),
    userData: readUserData(input.UserData),
    shutdownBehavior:
      choice('InstanceInitiatedShutdownBehavior', input.InstanceInitiatedShutdownBehavior, [
        'stop',
        'terminate',
      ]) ?? 'stop',
    metadata: readMetadata(input.MetadataOptions, usualMetadata(image), tags('instance')),
    ebsOptimized: input.EbsOptimized ?? false,
    disableApiStop: input.DisableApiStop ?? false,
    disableApiTermination: input.DisableApiTermination ?? false,
    keyPair: readKeyPair(input.KeyName, world),
    monitoring: input.Monitoring?.Enabled ?? false,
    autoRecovery:
      choice('AutoRecovery', input.MaintenanceOptions?.AutoRecovery, ['default', 'disabled']) ??
      'default',
    capacityReservation: readReservationPreference(input.CapacityReservationSpecification),
    names: readNames(input.PrivateDnsNameOptions),
    clientToken: input.ClientToken ?? '',
    tags: {
      instance: tags('instance'),
      volume: tags('volume'),
      'network-interface': tags('network-interface'),
    },
  }
}
