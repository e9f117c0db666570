/** The users and roles of the account, and every key that was given to one of them. */
import { createHash, randomBytes } from 'node:crypto'

import { LocalEc2Error } from '../errors.ts'
import type { Policy } from '../policy/document.ts'
import { accountId } from '../world/account.ts'
import type { Credential, Principal, Session } from './credential.ts'
import { createSeal, type Seal } from './seal.ts'

export interface Role {
  readonly arn: string
  readonly name: string
  readonly policies: readonly Policy[] | undefined
  readonly maxSessionSeconds: number
}

interface Permissions {
  name: string
  /** What it may do; `undefined` for everything. */
  policies: readonly Policy[] | undefined
}

export interface Directory {
  /** For what callers may carry but not read. */
  readonly seal: Seal
  find(accessKeyId: string): Credential | undefined
  /** A user and its one pair of keys. @throws {LocalEc2Error} `IDENTITY_INVALID` */
  addUser(user: Permissions): Credential
  /** @throws {LocalEc2Error} `IDENTITY_INVALID` */
  addRole(role: Permissions & { maxSessionSeconds: number }): Role
  /** As long as no role was added, every role exists and may do everything. */
  findRole(arn: string): Role | undefined
  /** Temporary keys. */
  openSession(principal: Principal, session: Omit<Session, 'token'>, expires: number): Credential
  /** @throws {LocalEc2Error} `IDENTITY_INVALID` if there is no such key */
  expire(accessKeyId: string, time: number): void
}

/** With nobody in it. */
export function createDirectory(): Directory {
  const credentials = new Map<string, Credential>()
  const users = new Set<string>()
  const roles = new Map<string, Role>()

  function add(
    accessKeyId: string,
    principal: Principal,
    session: Session | undefined,
    expires: number,
  ): Credential {
    const secretAccessKey = randomBytes(30).toString('base64url')
    const credential = { accessKeyId, secretAccessKey, principal, session, expires }
    credentials.set(accessKeyId, credential)
    return credential
  }

  return {
    seal: createSeal(),
    find: (accessKeyId) => credentials.get(accessKeyId),
    addUser({ name, policies }) {
      checkName('user', name, users)
      users.add(name)
      const key = credentials.size === 0 ? 'LOCAL-EC2-NOT-AN-AWS-KEY' : newKey('USER')
      return add(key, userPrincipal(name, policies), undefined, Number.POSITIVE_INFINITY)
    },
    addRole({ name, policies, maxSessionSeconds }) {
      const names = new Set([...roles.values()].map((role) => role.name))
      checkName('role', name, names)
      if (
        !Number.isInteger(maxSessionSeconds) ||
        maxSessionSeconds < 3600 ||
        maxSessionSeconds > 43_200
      ) {
        throw refuse(`the sessions of role '${name}' must last from 3600 to 43200 seconds at most`)
      }
      const role = { arn: iamArn(`role/${name}`), name, policies, maxSessionSeconds }
      roles.set(role.arn, role)
      return role
    },
    findRole(arn) {
      if (roles.size > 0) return roles.get(arn)
      const [, path = '', name] =
        /^(.*:role\/(?:[\x21-\x2e\x30-\x7f]+\/)*)([\w+=,.@-]{1,64})$/.exec(arn) ?? []
      if (name === undefined || !path.startsWith(iamArn('role/'))) return undefined
      return { arn, name, policies: undefined, maxSessionSeconds: 43_200 }
    },
    openSession: (principal, session, expires) =>
      add(newKey('SESSION'), principal, { ...session, token: newToken() }, expires),
    expire(accessKeyId, time) {
      const credential = credentials.get(accessKeyId)
      if (credential === undefined) throw refuse(`there is no access key '${accessKeyId}'`)
      credential.expires = time
    },
  }
}

/** Longer than AWS's and without its prefix: no scanner and no person takes it for a real one. */
function newKey(kind: 'USER' | 'SESSION'): string {
  return `LOCAL-EC2-${kind}-${randomBytes(8).toString('hex').toUpperCase()}`
}

function newToken(): string {
  return `local-ec2-session/${randomBytes(96).toString('base64')}`
}

function checkName(kind: 'user' | 'role', name: string, taken: ReadonlySet<string>): void {
  if (!/^[\w+=,.@-]{1,64}$/.test(name)) {
    throw refuse(`'${name}' is no name for a ${kind}: up to 64 letters, digits and _+=,.@-`)
  }
  const same = [...taken].find((other) => other.toLowerCase() === name.toLowerCase())
  if (same !== undefined) throw refuse(`there is a ${kind} '${same}' already`)
}

function refuse(message: string): LocalEc2Error {
  return new LocalEc2Error('IDENTITY_INVALID', message)
}

function iamArn(resource: string): string {
  return `arn:aws:iam::${accountId}:${resource}`
}

function userPrincipal(name: string, policies: readonly Policy[] | undefined): Principal {
  const arn = iamArn(`user/${name}`)
  return {
    type: 'User',
    arn,
    userId: uniqueId('AIDA', arn),
    principalArn: arn,
    userName: name,
    tags: new Map(),
    policies,
  }
}

export function rolePrincipal(
  { arn, name, policies }: Role,
  sessionName: string,
  tags: ReadonlyMap<string, string>,
): Principal {
  return {
    type: 'AssumedRole',
    arn: `arn:aws:sts::${accountId}:assumed-role/${name}/${sessionName}`,
    userId: `${uniqueId('AROA', arn)}:${sessionName}`,
    principalArn: arn,
    userName: undefined,
    tags,
    policies,
  }
}

/** The same one for the same ARN, with a middle that no real one has. */
function uniqueId(prefix: 'AIDA' | 'AROA', arn: string): string {
  const digits = BigInt(`0x${createHash('sha256').update(arn).digest('hex').slice(0, 16)}`)
  return `${prefix}LOCAL${digits.toString(32).toUpperCase().padStart(12, '0').slice(-12)}`
}
