/** How the catalogue of images is written: a product is what its publisher builds again and again. */
import type { ImageSystem } from '../../machine/machine.ts'
import type { Architecture } from '../instance-types.ts'

export interface Product {
  readonly ownerId: string
  readonly rootDevice: string
  readonly rootSizeGib: number
  readonly rootVolumeType: 'gp2' | 'gp3'
  /** What the root volume is registered with, where it says so. */
  readonly rootPerformance?: { readonly iops: number; readonly throughput: number }
  /** Besides the root device, names for disks that types of long ago had. */
  readonly ephemeralDevices: readonly string[]
  /** Not part of EC2's answer: the account that the image lets log in. */
  readonly defaultUser: string
  /** Not part of it either: what a machine with a system of its own boots for it, if there is one. */
  readonly system?: ImageSystem
  /** Whether it asks for IMDSv2: a launch that says nothing then needs a token, and gets two hops. */
  readonly imdsSupport?: 'v2.0'
  readonly freeTier: boolean
  /** How long after a build another one takes its place. */
  readonly lifeDays: number
  /** What names call the two. */
  readonly architectures: Readonly<Record<Architecture, string>>
  /** From the oldest to the newest; each contains its day, `YYYYMMDD`. */
  readonly builds: readonly string[]
  readonly name: (architecture: string, build: string) => string
  readonly description: (architecture: string, build: string) => string
  /** Names of the public parameters that always hold the newest build. */
  readonly parameters: (architecture: string) => readonly string[]
}
