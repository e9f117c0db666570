/** Every action this endpoint implements. A new API family is a new file and a line here. */
import type { Ec2Actions, StsActions } from './action.ts'
import { identityActions } from './identity.ts'
import { imageActions } from './images.ts'
import { instanceTypeActions } from './instance-types.ts'
import { instanceActions } from './instances.ts'
import { networkInterfaceActions } from './network-interfaces.ts'
import { networkActions } from './network.ts'
import { runInstancesActions } from './run-instances.ts'
import { securityGroupActions } from './security-groups.ts'
import { volumeActions } from './volumes.ts'

export const ec2Actions: Ec2Actions = {
  ...imageActions,
  ...instanceActions,
  ...instanceTypeActions,
  ...networkActions,
  ...networkInterfaceActions,
  ...runInstancesActions,
  ...securityGroupActions,
  ...volumeActions,
}

export const stsActions: StsActions = identityActions
