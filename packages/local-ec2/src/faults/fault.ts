/** The faults that can be asked for: each says when it strikes and the one thing that then happens. */
import type { MachineTrouble } from '../machine/machine.ts'

/** What goes wrong; which member says it tells the kinds apart. A file with a JSON list of these is read by `readFaults`. */
export type Fault =
  | Drop
  | Delay
  | Failure
  | Throttle
  | VisibilityLag
  | TagLag
  | SmallPages
  | NoCapacity
  | ExpiredCredentials
  | ClockSkew
  | MachineFault

/** Which ones of several, the first being 1: a number, a list of them, or from one to another (both included). */
export type Nth = number | readonly number[] | { from: number; to?: number }

/** Which calls a fault strikes: those for which everything holds that is given here; all, if nothing is. */
export interface Calls {
  /**
   * Names such as `RunInstances`. `*` in one stands for any text; `ec2:` or `sts:` before it, for that service alone.
   * @default '*'
   */
  action?: string | readonly string[]
  /**
   * Counted for this fault, each action by itself, among calls for which all else here holds.
   * @default every one
   */
  nth?: Nth
  /**
   * From 0 to 1, drawn for each call that would otherwise be struck; the same draws in every run.
   * @default 1
   */
  probability?: number
  /**
   * Other draws for `probability`.
   * @default 1
   */
  seed?: number
  /** Only calls signed with this key. */
  accessKeyId?: string
  /**
   * Parameters, spelt as in the SDK. An object must have the members named, a list an item for each item named;
   * `*` and `?` in a text are wildcards, as in filters: `{ InstanceType: 'c7i.*' }`.
   */
  input?: Readonly<Record<string, unknown>>
  /**
   * Only calls that come later than this after the fault was added, in ms.
   * @default 0
   */
  afterMs?: number
}

/** The connection is closed and nothing is answered. */
export interface Drop extends Calls {
  /** Whether the work of the call is left undone, or done (or refused) all the same. */
  drop: 'before-commit' | 'after-commit'
}

/** The answer comes late. */
export interface Delay extends Calls {
  /** Up to 2,147,483,647, which no client waits for. */
  delayMs: number
  /**
   * Whether the work of the call is done after that time or before it.
   * @default 'before-commit'
   */
  delay?: 'before-commit' | 'after-commit'
}

/** The call is refused, and its work left undone. */
export interface Failure extends Calls {
  /** An AWS error code. One that is not known here needs a `message`. */
  error: string
  /** @default AWS's own words */
  message?: string
  /**
   * The HTTP status, from 400 to 599.
   * @default AWS's own, which is 400 for most
   */
  status?: number
}

/** Calls beyond a rate are refused, each action by itself: `RequestLimitExceeded`, from STS `Throttling`. */
export interface Throttle extends Calls {
  /**
   * A token bucket for each action: it holds `burst` tokens, of which a call takes one, and gets `perSecond` back.
   * `documented` are the buckets that AWS publishes for EC2, those that count instances included.
   */
  throttle: 'documented' | { burst: number; perSecond: number }
}

/**
 * What a call makes is found only later: until then it is `…NotFound` by its id, and in no list. The answer
 * to the call itself is as ever.
 */
export interface VisibilityLag extends Calls {
  visibilityLagMs: number
  /**
   * Types as in ARNs, such as `instance`, `volume`, `network-interface`, `security-group`, `key-pair`.
   * @default all
   */
  of?: string | readonly string[]
}

/**
 * The tags that a call sets or removes are seen only later, wherever tags are shown or looked for. Those of what is
 * created are no exception. The answer to the call itself is as ever.
 */
export interface TagLag extends Calls {
  tagLagMs: number
}

/** Pages hold no more than this, whatever was asked for; where a call cannot be continued by a token, nothing happens. */
export interface SmallPages extends Calls {
  /** At least 1, so below what `MaxResults` allows too. */
  pageSize: number
}

/**
 * `InsufficientInstanceCapacity` for launches and starts. A launch that leaves the zone to EC2 gets another one, if
 * there is one with capacity.
 */
export interface NoCapacity extends Calls {
  /** Both given: only those types in those zones. Types may hold `*`. */
  noCapacity: 'everywhere' | { zones?: readonly string[]; instanceTypes?: readonly string[] }
}

/** As if the credentials had run out: `RequestExpired`, from STS `ExpiredToken`. */
export interface ExpiredCredentials extends Calls {
  credentials: 'expired'
}

/** The endpoint's clock is off: signatures are checked by it, and it is in the `Date` header and in every time shown. */
export interface ClockSkew {
  /** How far it is ahead; behind, if negative. Several add up. */
  clockSkewMs: number
}

/** Which launched instances a fault strikes: all, if nothing is given. */
export interface Launches {
  /**
   * Counted for this fault, instance by instance, among those for which all else here holds.
   * @default every one
   */
  launch?: Nth
  /** With `*` and `?` as wildcards, such as `m7i.*`. */
  instanceType?: string
}

/** Something is wrong with a machine from its first boot on, or goes wrong while it runs. */
export type MachineFault = Launches & (BootFault | (RunningFault & { afterMs?: number }))

export type BootFault =
  /** It is powered, but silent for ever. */
  | { machine: 'never-boots' }
  /** Its init starts this much later. */
  | { machine: 'boots-slowly'; bootDelayMs: number }
  /** Its sshd shows an ed25519 key that is not the one of its user-data. */
  | { machine: 'wrong-host-key' }

/** What can also be done to one that runs, by `strike()`. As a fault, `afterMs` counts from when it first runs. @default 0 */
export type RunningFault =
  | { machine: MachineTrouble }
  /** As EC2 takes a Spot machine back: its metadata service says when, then it ends. */
  | {
      machine: 'is-interrupted'
      /** @default 120_000, as on EC2 */
      noticeMs?: number
      /** @default 'terminate' */
      behavior?: 'terminate' | 'stop'
    }
