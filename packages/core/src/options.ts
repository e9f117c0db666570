import { type ReadPart, readUserData, userDataRule, type UserPart } from './boot/user-parts.ts'
import {
  checkOptions,
  imageRule,
  ingressRule,
  isInstanceType,
  isMs,
  isProjectName,
  isText,
  isWhole,
} from './check-options.ts'
import type { LocalTarget } from './ec2/clients.ts'
import type { Ingress } from './ec2/ingress.ts'
import { BenchawayError } from './errors.ts'
import { Instance } from './instance.ts'

export interface FleetOptions {
  /** Tells your projects apart in one account: 1 to 64 of `a-z 0-9 . _ -`. */
  project: string
  /**
   * AWS, or the endpoint that `startLocalEc2()` of `@benchaway/local-ec2` returns.
   * @default 'aws'
   */
  target?: 'aws' | LocalTarget | undefined
  /** Such as `eu-central-1`; a local target has its own. @default what the AWS SDK finds in the environment or the profile */
  region?: string | undefined
  /**
   * From where ssh is let in: `'me'` is this computer's address as AWS sees it, `'any'` everybody, otherwise a list of
   * blocks such as `203.0.113.0/24`.
   * @default 'me'
   */
  ingress?: Ingress | undefined
  /**
   * How long a machine may wait for the first ssh login before it ends itself, in milliseconds; also how long we try.
   * @default 600_000
   */
  graceMs?: number | undefined
  /**
   * How long a machine may live, whatever happens, in milliseconds, counted from its launch.
   * @default 3_600_000
   */
  ttlMs?: number | undefined
  /** Most machines that live at once. @default 8 */
  maxInstances?: number | undefined
  /** Is told in short lines what happens. @default nobody */
  log?: ((line: string) => void) | undefined
}

export interface LaunchOptions {
  /** Such as `m7i.large`. */
  type: string
  /** How many equal machines, in one request: all of them come, or none. @default 1 */
  count?: number | undefined
  /**
   * `debian-12`, `debian-13`, `ubuntu-24.04`, `amazon-linux-2023` (the newest of each), or an id such as
   * `ami-0123456789abcdef0`, which needs `user`.
   * @default 'debian-12'
   */
  image?: string | undefined
  /** The account that the image logs in with. @default what is known of the named image */
  user?: string | undefined
  /** Size of the root volume. @default what the image has */
  volumeGib?: number | undefined
  /**
   * What the machine itself does when it boots: scripts that begin with `#!`, which root runs in their order late in
   * the boot, `#cloud-config` and `#cloud-boothook`; one, or a list. `users` and `ssh_authorized_keys` of a cloud-config
   * are added to the image's user and our key. What would keep us out, or the machine from ending, is refused.
   * @see https://cloudinit.readthedocs.io/en/latest/explanation/format.html
   * @default nothing
   */
  userData?: UserPart | readonly UserPart[] | undefined
  /**
   * A machine of this run through which this one is reached: it gets no public address, and so no way to the Internet
   * unless your network has one.
   * @default it has a public address of its own
   */
  proxyJump?: Instance | undefined
  /**
   * How long a lost ssh connection is made anew before it counts as gone, in milliseconds. Commands that ran over it
   * fail at once all the same, with `CONNECTION_LOST`; `push()` and `pull()` go on.
   * @default 20_000
   */
  reconnectMs?: number | undefined
  /** Gives the launch up; what was launched is terminated. */
  signal?: AbortSignal | undefined
}

export interface CloseOptions {
  /**
   * How long to wait for EC2 to take everything apart, in milliseconds. 0 orders the end of every machine, over ssh as
   * well, and returns: for when a signal leaves two seconds.
   * @default 180_000
   */
  waitMs?: number | undefined
}

export interface ResolvedFleetOptions {
  readonly project: string
  readonly target: 'aws' | LocalTarget
  readonly region: string | undefined
  readonly ingress: Ingress
  readonly graceMs: number
  readonly ttlMs: number
  readonly maxInstances: number
  readonly log: (line: string) => void
}

const day = 86_400_000

export function resolveFleetOptions(options: FleetOptions): ResolvedFleetOptions {
  checkOptions('openFleet()', options, {
    project: [isProjectName, '1 to 64 characters of a-z, 0-9, dot, underscore and hyphen'],
    target: [
      (value) => value === 'aws' || isLocalTarget(value),
      `'aws', or what startLocalEc2() returns: an endpoint on loopback, its region and credentials`,
    ],
    region: [isText, 'the name of a region, such as eu-central-1'],
    ingress: ingressRule,
    graceMs: [isMs(1000, day), 'milliseconds from 1000 to 86400000 (a day)'],
    ttlMs: [isMs(1000, day), 'milliseconds from 1000 to 86400000 (a day)'],
    maxInstances: [isWhole(1, 1000), 'a whole number from 1 to 1000'],
    log: [(value) => typeof value === 'function', 'a function that takes a line'],
  })
  const {
    project,
    target = 'aws',
    region,
    ingress = 'me',
    graceMs = 600_000,
    ttlMs = 3_600_000,
    maxInstances = 8,
    log = () => undefined,
  } = options
  if (project === undefined) {
    throw new BenchawayError('OPTION_INVALID', `openFleet() needs the option 'project'`, {
      hint: 'Give your project a short name: it tells its machines from those of your other projects.',
    })
  }
  return { project, target, region, ingress, graceMs, ttlMs, maxInstances, log }
}

export interface ResolvedLaunchOptions {
  readonly type: string
  readonly count: number
  readonly image: string
  readonly user: string | undefined
  readonly volumeGib: number | undefined
  readonly parts: readonly ReadPart[]
  readonly proxyJump: Instance | undefined
  readonly reconnectMs: number
  readonly signal: AbortSignal | undefined
}

export function resolveLaunchOptions(options: LaunchOptions): ResolvedLaunchOptions {
  checkOptions('launch()', options, {
    type: [isInstanceType, 'the name of an instance type, such as m7i.large'],
    count: [isWhole(1, 1000), 'a whole number from 1 to 1000'],
    image: imageRule,
    user: [isText, 'the name of an account'],
    volumeGib: [isWhole(1, 16_384), 'a whole number of GiB from 1 to 16384'],
    userData: userDataRule,
    proxyJump: [(value) => value instanceof Instance, 'an instance that was launched'],
    reconnectMs: [isMs(0, day), 'milliseconds up to 86400000 (a day)'],
    signal: [(value) => value instanceof AbortSignal, 'an AbortSignal'],
  })
  const { type, count = 1, image = 'debian-12', user, volumeGib, proxyJump, signal } = options
  const { reconnectMs = 20_000 } = options
  const parts = readUserData('launch()', options.userData)
  if (type === undefined) {
    throw new BenchawayError('OPTION_INVALID', `launch() needs the option 'type'`, {
      hint: 'Name an instance type, such as m7i.large.',
    })
  }
  if (image.startsWith('ami-') && user === undefined) {
    throw new BenchawayError('OPTION_INVALID', `image '${image}' needs the option 'user'`, {
      hint: 'Name the account that the image logs in with, such as admin, ubuntu or ec2-user.',
    })
  }
  return { type, count, image, user, volumeGib, parts, proxyJump, reconnectMs, signal }
}

export function resolveCloseOptions(options: CloseOptions): { readonly waitMs: number } {
  checkOptions('close()', options, {
    waitMs: [isMs(0, day), 'milliseconds up to 86400000 (a day)'],
  })
  const { waitMs = 180_000 } = options
  return { waitMs }
}

function isLocalTarget(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  // Only on this computer: nothing that is called local may ever reach AWS.
  return (
    'region' in value &&
    'credentials' in value &&
    'endpoint' in value &&
    typeof value.endpoint === 'string' &&
    /^http:\/\/(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?\/?$/.test(value.endpoint)
  )
}
