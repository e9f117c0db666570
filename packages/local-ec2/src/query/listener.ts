/**
 * The HTTP end of the endpoint: bytes in, an answer or a closed connection out.
 *
 * Whatever a client sends, it gets AWS's own error or loses its connection within the time limit; it
 * can neither hang the server nor fill its memory.
 */
import { isUtf8 } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'

import { ApiError, Hangup } from './api-error.ts'
import { authenticate, type Authentication } from './authenticate.ts'
import { type Body, createBodyReader } from './body.ts'
import { unsignedQuery } from './claim.ts'
import { decodeInput } from './decode.ts'
import { encodeOutput } from './encode.ts'
import { parseForm } from './form.ts'
import type { Call, Service } from './service.ts'
import type { Verifier } from './sigv4.ts'

// Not imported: that would load all that `node:http` offers, a WebSocket client of 10 MiB among it.
const { createServer } = process.getBuiltinModule('node:http')

export interface ListenerOptions {
  /** The first one is assumed where a request is too broken to tell. */
  services: readonly [Service, ...Service[]]
  region: string
  credentialOf: Verifier['credentialOf']
  /**
   * What callers take for the present, in ms since the epoch.
   * @default Date.now
   */
  now?: () => number
  /**
   * How long a client may take for one request.
   * @default 30_000
   */
  requestTimeoutMs?: number
}

const maxHeaderBytes = 32 * 1024

export function createListener(options: ListenerOptions): Server {
  const { requestTimeoutMs = 30_000 } = options
  const readBody = createBodyReader()

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Throws if the connection is gone, and with it whoever could read an answer.
    using body = await readBody(request)
    const requestId = randomUUID()
    const foreign = refuseForeign(request)
    const reply = foreign ?? (await handle(request, body, requestId, options))
    if (reply === undefined) {
      response.destroy()
      return
    }
    const { status, text, type } = reply
    // A client that does not take its answer has no more time than one that does not finish its question.
    response.setTimeout(requestTimeoutMs)
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-cache, no-store',
      'x-amzn-requestid': requestId,
      date: new Date((options.now ?? Date.now)()).toUTCString(),
      ...(body.refusal !== undefined && { connection: 'close' }),
    })
    response.end(text)
  }

  return createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      // Node looks for late clients only this often; its default of 30 s would be added to the limit.
      connectionsCheckingInterval: Math.max(10, requestTimeoutMs / 4),
    },
    (request, response) => {
      response.on('error', () => {})
      answer(request, response).catch(() => response.destroy())
    },
  )
}

interface Reply {
  status: number
  /** Its content type. */
  type: string
  text: string
}

const xmlType = 'text/xml;charset=UTF-8'

/** `AWS_ENDPOINT_URL` brings requests for all of AWS here. Those in JSON say so in a header. */
function refuseForeign({ headers }: IncomingMessage): Reply | undefined {
  const target = headers['x-amz-target']
  if (target === undefined) return undefined
  const message = `${String(target)} is not here: this local endpoint is EC2 and STS alone.`
  const text = JSON.stringify({ __type: 'UnknownOperationException', message })
  return { status: 400, type: 'application/x-amz-json-1.1', text }
}

/** `undefined` if the connection is to be closed instead. */
async function handle(
  request: IncomingMessage,
  body: Body,
  requestId: string,
  { services, region, credentialOf, now = Date.now }: ListenerOptions,
): Promise<Reply | undefined> {
  const { method = '', url: target = '/' } = request
  let service = services[0]
  try {
    if (body.refusal !== undefined) throw body.refusal
    if (method !== 'POST' && method !== 'GET') {
      throw new ApiError('UnsupportedHttpVerb', `The HTTP method ${method} is not supported`)
    }
    if (!URL.canParse(target, 'http://localhost')) {
      throw new ApiError('MalformedQueryString', 'The request target is not a URL')
    }
    const time = now()
    const verifier = { region, credentialOf, now: time }
    const { refusal, ...authentication } = authenticate(request, body.bytes, services, verifier)
    service = authentication.service
    if (refusal !== undefined) throw refusal
    const sender = {
      time,
      sourceIp: request.socket.remoteAddress ?? '',
      userAgent: request.headers['user-agent'],
    }
    const text = await dispatch(authentication, sender, formsOf(request, body.bytes), requestId)
    return { status: 200, type: xmlType, text }
  } catch (error) {
    if (error instanceof Hangup) return undefined
    const apiError = asApiError(error)
    const { dialect, namespace } = service
    const text = dialect.error({ namespace, requestId }, apiError)
    return { status: apiError.status, type: xmlType, text }
  }
}

/** The query string, and the body of a POST: parameters may be in either. */
function formsOf({ method, url = '/', headers }: IncomingMessage, body: Buffer): string[] {
  const { pathname, search } = new URL(url, 'http://localhost')
  if (pathname !== '/') {
    throw new ApiError(
      'InvalidAction',
      `There is nothing at ${pathname}: all actions are at /`,
      404,
    )
  }
  const query = unsignedQuery(search.slice(1))
  if (method === 'GET') return [query]
  const { 'content-encoding': encoding = 'identity', 'content-type': type = formType } = headers
  if (encoding !== 'identity') {
    throw new ApiError('MalformedQueryString', `A body in ${encoding} is not understood`, 415)
  }
  if (type.split(';')[0]?.trim().toLowerCase() !== formType) {
    throw new ApiError('MalformedQueryString', `A body of ${type} is not understood`, 415)
  }
  // Read leniently, a name that is not UTF-8 would silently become another one.
  if (!isUtf8(body)) throw new ApiError('MalformedQueryString', 'The body is not UTF-8')
  return [query, body.toString()]
}

const formType = 'application/x-www-form-urlencoded'

async function dispatch(
  { service, credential }: Authentication,
  sender: Pick<Call, 'time' | 'sourceIp' | 'userAgent'>,
  texts: readonly string[],
  requestId: string,
): Promise<string> {
  const { name, dialect, namespace, version, operations, handlers } = service
  const form = parseForm(...texts)
  if (form.action === undefined) {
    throw new ApiError('MissingAction', 'The request must contain the parameter Action')
  }
  const operation = operations.get(form.action)
  if (operation === undefined) throw dialect.unknownAction(form.action, form.version)
  if (form.version !== version) throw dialect.unknownVersion(form.action, form.version)
  const input = decodeInput(operation.input, form.parameters, dialect)
  const handler = handlers(operation.name)
  if (handler === undefined || credential === undefined) {
    throw new ApiError(
      'UnsupportedOperation',
      `${operation.name} is not implemented by this local endpoint.`,
    )
  }
  const call = { ...sender, service: name, action: operation.name, credential }
  const output = encodeOutput(operation.output, await handler(input, call))
  return dialect.response({ operation: operation.name, namespace, requestId }, output)
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new ApiError('InternalError', `An internal error has occurred: ${reason}`)
}
