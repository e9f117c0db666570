export type { SuiteInstance } from './instance.ts'
export { remote, type RemoteArguments, type RemoteOptions } from './remote.ts'
export { useInstance, type UseInstanceOptions } from './use-instance.ts'
