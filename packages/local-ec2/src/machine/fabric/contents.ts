import type { Overlay } from './bundle.ts'
import type { BootOrder } from './protocol.ts'

/** What a machine's disk holds when it is new. */
export interface Contents {
  /** Directories that runc mounts over the root. */
  overlays(directory: string): readonly Overlay[]
  /** Makes `directory/root` the root directory of a machine. */
  make(directory: string, order: BootOrder): Promise<void>
}
