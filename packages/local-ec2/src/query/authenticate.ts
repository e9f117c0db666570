/** For which service a request is, and who sent it. */
import type { IncomingMessage } from 'node:http'

import type { Credential } from '../identity/credential.ts'
import { ApiError } from './api-error.ts'
import type { Service } from './service.ts'
import { type Verifier, verify } from './sigv4.ts'

export interface Authentication {
  service: Service
  /** `undefined` for a request that needs none. */
  credential?: Credential
  /** Why it is not answered. */
  refusal?: ApiError
}

export function authenticate(
  { method = '', url: target = '/', headersDistinct: headers }: IncomingMessage,
  body: Buffer,
  services: readonly [Service, ...Service[]],
  verifier: Pick<Verifier, 'region' | 'credentialOf' | 'now'>,
): Authentication {
  const parameter = (name: string): string | undefined =>
    parameterOf(body.toString('latin1'), name) ?? parameterOf(target.replace(/^.*?\?/, ''), name)
  // Where the signature does not name a service, the version does: every service has its own.
  const version = parameter('Version')
  const expected = services.find((service) => service.version === version) ?? services[0]
  const verdict = verify(
    { method, target, headers, body },
    { ...verifier, services: new Set(services.map(({ name }) => name)), expected: expected.name },
  )
  const service = services.find(({ name }) => name === verdict.service) ?? expected
  if ('credential' in verdict) return { service, credential: verdict.credential }
  const { kind, detail } = verdict.refusal
  if (kind === 'unsigned' && service.unsigned.has(parameter('Action') ?? '')) return { service }
  const [code, message = detail] = service.refusals[kind]
  return { service, refusal: new ApiError(code, message) }
}

/** Before it is known whether the form as a whole makes sense. */
function parameterOf(form: string, name: string): string | undefined {
  return new RegExp(`(?:^|&)${name}=([\\w.-]+)(?:&|$)`).exec(form)?.[1]
}
