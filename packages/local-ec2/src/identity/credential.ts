/** Who may call: principals as answers and policies know them, and the keys they sign with. */
import type { Policy } from '../policy/document.ts'

export interface Principal {
  readonly type: 'User' | 'AssumedRole'
  /** As GetCallerIdentity answers it: of a role, the ARN of the session. */
  readonly arn: string
  /** `AIDA…`, or `AROA…:SESSION`. */
  readonly userId: string
  /** What policies call `aws:PrincipalArn`: of a role, the ARN of the role itself. */
  readonly principalArn: string
  /** What policies call `aws:username`. */
  readonly userName: string | undefined
  /** What policies call `aws:PrincipalTag`: of a role, the tags of the session. */
  readonly tags: ReadonlyMap<string, string>
  /** What it may do; `undefined` for everything. */
  readonly policies: readonly Policy[] | undefined
}

export interface Credential {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly principal: Principal
  /** Only of temporary credentials. */
  readonly session: Session | undefined
  /** In ms since the epoch; `Infinity` for a lasting one. */
  expires: number
}

export interface Session {
  readonly token: string
  /** In ms since the epoch. */
  readonly issued: number
  /** What was given to AssumeRole to narrow what the role may. */
  readonly policy: Policy | undefined
}
