export { BenchawayError, type ErrorCode } from './errors.ts'
export type { LocalTarget } from './ec2/clients.ts'
export type { Ingress } from './ec2/ingress.ts'
export type { Arch } from './ec2/instance-type.ts'
export type { InventoryItem, ResourceKind } from './ec2/inventory.ts'
export type { SweepReport } from './ec2/sweep.ts'
export type { RunTags, Scope } from './ec2/tags.ts'
export { type CloseReport, type Fleet, openFleet } from './fleet.ts'
export {
  attachInstance,
  type Instance,
  type InstanceAccess,
  type LaunchTiming,
} from './instance.ts'
export type { CloseOptions, FleetOptions, LaunchOptions } from './options.ts'
export type { UserPart } from './boot/user-parts.ts'
export { CommandError, type CommandResult } from './ssh/command.ts'
export type { ChannelExit } from './ssh/channels.ts'
export type { ExecOptions } from './ssh/exec.ts'
export type { RemoteProcess } from './ssh/process.ts'
export type { PushOptions } from './ssh/transfer.ts'
