/** One attribute of an instance, as DescribeInstanceAttribute answers it. */
import type * as ec2 from '@aws-sdk/client-ec2'

import type { Instance } from '../../world/instance.ts'
import { showGroups, showMappings } from './show.ts'

type Attribute = Omit<ec2.InstanceAttribute, 'InstanceId'>

/** By the name that a caller gives; all that EC2 has. */
export const attributes: Record<ec2.InstanceAttributeName, (instance: Instance) => Attribute> = {
  blockDeviceMapping: (instance) => ({ BlockDeviceMappings: showMappings(instance) }),
  disableApiStop: ({ disableApiStop: Value }) => ({ DisableApiStop: { Value } }),
  disableApiTermination: ({ disableApiTermination: Value }) => ({
    DisableApiTermination: { Value },
  }),
  ebsOptimized: ({ ebsOptimized: Value }) => ({ EbsOptimized: { Value } }),
  enaSupport: () => ({ EnaSupport: { Value: true } }),
  enclaveOptions: () => ({ EnclaveOptions: { Enabled: false } }),
  groupSet: ({ networkInterface }) => ({ Groups: showGroups(networkInterface?.groups) }),
  instanceInitiatedShutdownBehavior: ({ shutdownBehavior: Value }) => ({
    InstanceInitiatedShutdownBehavior: { Value },
  }),
  instanceType: ({ type }) => ({ InstanceType: { Value: type.name } }),
  // Instances of today have none of these three.
  kernel: () => ({ KernelId: {} }),
  productCodes: () => ({ ProductCodes: [] }),
  ramdisk: () => ({ RamdiskId: {} }),
  rootDeviceName: ({ image }) => ({ RootDeviceName: { Value: image.rootDevice } }),
  sourceDestCheck: ({ networkInterface }) => ({
    SourceDestCheck: networkInterface && { Value: networkInterface.sourceDestCheck },
  }),
  // What the Intel 82599 card has, which ENA has replaced.
  sriovNetSupport: () => ({ SriovNetSupport: {} }),
  userData: ({ userData }) => ({
    UserData: userData === undefined ? {} : { Value: Buffer.from(userData).toString('base64') },
  }),
}
