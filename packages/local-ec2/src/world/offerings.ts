/** Which types a zone has. */
import type { InstanceType } from './instance-types.ts'
import type { Zone } from './network.ts'

/** Whether `zone` has machines of this type; every type is in at least one of ours. */
export function isOffered(type: Pick<InstanceType, 'name'>, zone: Pick<Zone, 'id'>): boolean {
  const lacking = absent[zone.id]
  return lacking === undefined || !lacking.test(type.name)
}

/** What AWS does not offer in these zones of us-east-1, of what is in the catalogue, by the same copy as the types. */
const absent: Readonly<Record<string, RegExp>> = {
  'use1-az1': /^(?:a1|i8ge|x2iezn)\.|^c5d\.(?:12|24)xlarge$|^m5n\.metal$/,
}
