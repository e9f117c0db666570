/** Users, roles and keys, as those who start the endpoint deal with them. */
import { parsePolicies, type Policy, type PolicyDocument } from '../policy/document.ts'
import type { Credential } from './credential.ts'
import type { Directory } from './directory.ts'

type Policies = PolicyDocument | readonly PolicyDocument[]

/** Works at one endpoint and is worthless anywhere else. */
export interface LocalCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export interface LocalUser {
  /** Up to 64 letters, digits and `_+=,.@-`. */
  name: string
  /**
   * IAM documents, parsed from JSON; they are all that the user may do.
   * @default none, and the user may do everything
   */
  policy?: Policies
}

export interface LocalRole extends LocalUser {
  /**
   * How long its sessions may last, from 3600 to 43 200.
   * @default 3600
   */
  maxSessionSeconds?: number
}

export interface Identities {
  /** The keys of the user `local`, whom the endpoint starts with. */
  readonly credentials: LocalCredentials
  /**
   * Adds an IAM user.
   *
   * @returns its access key
   * @throws {LocalEc2Error} `POLICY_INVALID`, `IDENTITY_INVALID`
   */
  addUser(user: LocalUser): LocalCredentials
  /**
   * Adds an IAM role, which every principal of the account may assume whose policies allow it.
   *
   * As long as there is none, every role name of the account can be assumed, for one that may do everything.
   *
   * @returns its ARN
   * @throws {LocalEc2Error} `POLICY_INVALID`, `IDENTITY_INVALID`
   */
  addRole(role: LocalRole): string
  /**
   * Makes an access key one that has expired, lasting or temporary.
   *
   * @param time since when, in ms since the epoch; now by default
   * @throws {LocalEc2Error} `IDENTITY_INVALID` if there is no such key
   */
  expireCredentials(accessKeyId: string, time?: number): void
}

/** @throws {LocalEc2Error} `POLICY_INVALID` */
export function createIdentities(
  directory: Directory,
  policy: Policies | undefined,
  now: () => number,
): Identities {
  const addUser = ({ name, policy: documents }: LocalUser): LocalCredentials =>
    show(directory.addUser({ name, policies: read(documents) }))
  return {
    credentials: addUser({ name: 'local', ...(policy !== undefined && { policy }) }),
    addUser,
    addRole: ({ name, policy: documents, maxSessionSeconds = 3600 }) =>
      directory.addRole({ name, policies: read(documents), maxSessionSeconds }).arn,
    expireCredentials: (accessKeyId, time = now()) => directory.expire(accessKeyId, time),
  }
}

function read(documents: Policies | undefined): Policy[] | undefined {
  return documents === undefined ? undefined : parsePolicies(documents)
}

function show({ accessKeyId, secretAccessKey }: Credential): LocalCredentials {
  return { accessKeyId, secretAccessKey }
}
