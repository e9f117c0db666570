/** Every action this endpoint implements. A new API family is a new file and a line here. */
import type { Ec2Actions, StsActions } from './action.ts'
import { identityActions } from './identity.ts'
import { imageActions } from './images.ts'
import { instanceAttributeActions } from './instance-attributes.ts'
import { instanceMetadataActions } from './instance-metadata.ts'
import { instanceStateActions } from './instance-states.ts'
import { instanceStatusActions } from './instance-status.ts'
import { instanceTypeActions } from './instance-types.ts'
import { instanceActions } from './instances.ts'
import { keyPairActions } from './key-pairs.ts'
import { networkInterfaceActions } from './network-interfaces.ts'
import { networkActions } from './network.ts'
import { offeringActions } from './offerings.ts'
import { regionActions } from './regions.ts'
import { runInstancesActions } from './run-instances.ts'
import { securityGroupRuleActions } from './security-group-rules.ts'
import { securityGroupActions } from './security-groups.ts'
import { tagActions } from './tags.ts'
import { volumeActions } from './volumes.ts'

export const ec2Actions: Ec2Actions = {
  ...imageActions,
  ...instanceActions,
  ...instanceAttributeActions,
  ...instanceMetadataActions,
  ...instanceStateActions,
  ...instanceStatusActions,
  ...instanceTypeActions,
  ...keyPairActions,
  ...networkActions,
  ...networkInterfaceActions,
  ...offeringActions,
  ...regionActions,
  ...runInstancesActions,
  ...securityGroupActions,
  ...securityGroupRuleActions,
  ...tagActions,
  ...volumeActions,
}

export const stsActions: StsActions = identityActions
