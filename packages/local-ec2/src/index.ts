export { LocalEc2Error, type LocalEc2ErrorCode } from './errors.ts'
export type { MachineKind } from './machine/machine.ts'
export { type LocalEc2, type LocalEc2Options, startLocalEc2 } from './server.ts'
