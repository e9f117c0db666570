import { BenchawayError } from '../errors.ts'
import type { Clients } from './clients.ts'

// No address, no route, nobody listening, or silence: the request did not get there.
const unreachable = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
])

const refusesCredentials =
  /^(?:AuthFailure|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|ExpiredToken|RequestExpired|CredentialsProviderError|TokenProviderError)/

/**
 * Sends one request and gives a failure our shape.
 *
 * @throws {BenchawayError} `ENDPOINT_UNREACHABLE`, `PERMISSION_DENIED`, `CREDENTIALS_REFUSED` or `AWS_REFUSED`; `cause` is the SDK's own error
 */
export async function call<T>(
  action: string,
  clients: Pick<Clients, 'endpoint' | 'region'>,
  send: () => Promise<T>,
): Promise<T> {
  try {
    return await send()
  } catch (cause) {
    const code = awsCode(cause) ?? ''
    const text = cause instanceof Error ? cause.message : String(cause)
    if (unreachable.has(socketCode(cause) ?? '') || code === 'TimeoutError') {
      throw new BenchawayError(
        'ENDPOINT_UNREACHABLE',
        `${action} found nobody at ${clients.endpoint}: ${socketCode(cause) ?? text}`,
        { hint: 'Check the network, the region and the endpoint.', cause },
      )
    }
    if (code === 'UnauthorizedOperation' || code.startsWith('AccessDenied')) {
      throw denied(action, clients.region, cause, text)
    }
    if (refusesCredentials.test(code)) {
      throw new BenchawayError(
        'CREDENTIALS_REFUSED',
        `AWS does not take the credentials: ${text}`,
        {
          hint: 'Log in again (for example `aws sso login`), or check AWS_PROFILE and the AWS_* variables.',
          cause,
        },
      )
    }
    throw new BenchawayError('AWS_REFUSED', `${action} failed: ${code ? `${code}: ` : ''}${text}`, {
      cause,
    })
  }
}

function denied(action: string, region: string, cause: unknown, text: string): BenchawayError {
  // What follows is for `aws sts decode-authorization-message`, pages long, and still there in the cause.
  const [reason = text] = text.split(/\.? Encoded authorization failure message: /)
  // One call can take several permissions: CreateTags, for what is tagged as it is made.
  const [, permission = action] = / to perform: ([\w-]+:\w+)/.exec(reason) ?? []
  return new BenchawayError('PERMISSION_DENIED', `AWS denied ${action}: ${reason}`, {
    hint: reason.includes('explicit deny')
      ? `A policy forbids ${permission} in ${region}, whatever others allow: ask for an exception.`
      : `Ask for a policy that allows ${permission} in ${region}.`,
    cause,
  })
}

/** AWS's own code of a failure, looked for through `cause`, such as `InvalidInstanceID.NotFound`. */
export function awsCode(error: unknown): string | undefined {
  const at = error instanceof BenchawayError ? error.cause : error
  return at instanceof Error ? at.name : undefined
}

function socketCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string') return error.code
  // Node tries several addresses of a name and reports them together.
  if (error instanceof AggregateError) return socketCode(error.errors[0])
  return socketCode(error.cause)
}
