/**
 * The HTTP end of the endpoint: bytes in, an answer or a closed connection out.
 *
 * Whatever a client sends, it gets AWS's own error or loses its connection within the time limit; it
 * can neither hang the server nor fill its memory.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

import { ApiError, Hangup } from './api-error.ts'
import { decodeInput } from './decode.ts'
import { encodeOutput } from './encode.ts'
import { parseForm } from './form.ts'
import type { Service } from './service.ts'
import { verify } from './sigv4.ts'

export interface ListenerOptions {
  /** The first one is assumed where a request is too broken to tell. */
  services: readonly [Service, ...Service[]]
  region: string
  secretOf: (accessKeyId: string) => string | undefined
  /**
   * How long a client may take for one request.
   * @default 30_000
   */
  requestTimeoutMs?: number
}

const maxBodyBytes = 1024 * 1024
const maxHeaderBytes = 32 * 1024
/** How much of an oversized body is read and dropped, so that its sender still hears why. */
const maxDroppedBytes = 32 * 1024 * 1024

export function createListener(options: ListenerOptions): Server {
  const { requestTimeoutMs = 30_000 } = options
  return createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      // Node looks for late clients only this often; its default of 30 s would be added to the limit.
      connectionsCheckingInterval: Math.max(10, requestTimeoutMs / 4),
    },
    (request, response) => {
      void answer(request, response, options)
    },
  )
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: ListenerOptions,
): Promise<void> {
  let body: Buffer | undefined
  try {
    body = await readBody(request)
  } catch {
    // The connection is gone, and with it whoever could read an answer.
    response.destroy()
    return
  }
  const requestId = randomUUID()
  const reply = await handle(request, body, requestId, options)
  if (reply === undefined) {
    response.destroy()
    return
  }
  const { status, xml } = reply
  response.writeHead(status, {
    'content-type': 'text/xml;charset=UTF-8',
    'content-length': Buffer.byteLength(xml),
    'x-amzn-requestid': requestId,
    ...(body === undefined && { connection: 'close' }),
  })
  response.end(xml)
}

/** The whole body, or `undefined` if it was longer than we take. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxDroppedBytes) throw new Error('endless body')
    if (length <= maxBodyBytes) chunks.push(chunk)
  }
  return length <= maxBodyBytes ? Buffer.concat(chunks) : undefined
}

/** `undefined` if the connection is to be closed instead. */
async function handle(
  request: IncomingMessage,
  body: Buffer | undefined,
  requestId: string,
  { services, region, secretOf }: ListenerOptions,
): Promise<{ status: number; xml: string } | undefined> {
  const { method = '', url: target = '/', headers } = request
  let service = services[0]
  try {
    if (body === undefined) {
      throw new ApiError(
        'RequestEntityTooLarge',
        `Request body is larger than ${maxBodyBytes} bytes`,
      )
    }
    if (method !== 'POST' && method !== 'GET') {
      throw new ApiError('UnsupportedHttpVerb', `The HTTP method ${method} is not supported`)
    }
    if (!URL.canParse(target, 'http://localhost')) {
      throw new ApiError('MalformedQueryString', 'The request target is not a URL')
    }
    const names = new Set(services.map(({ name }) => name))
    const verdict = verify({ method, target, headers, body }, { region, services: names, secretOf })
    service = services.find(({ name }) => name === verdict.service) ?? service
    if ('refusal' in verdict) throw new ApiError(...service.refusals[verdict.refusal])
    const query = new URL(target, 'http://localhost').search
    const text = method === 'GET' ? query : body.toString()
    return { status: 200, xml: await dispatch(service, verdict.accessKeyId, text, requestId) }
  } catch (error) {
    if (error instanceof Hangup) return undefined
    const { status, code, message } = asApiError(error)
    const { dialect, namespace } = service
    return { status, xml: dialect.error({ namespace, requestId }, code, message) }
  }
}

async function dispatch(
  service: Service,
  accessKeyId: string,
  text: string,
  requestId: string,
): Promise<string> {
  const { dialect, namespace, version, operations, handlers } = service
  const form = parseForm(text)
  if (form.action === undefined) {
    throw new ApiError('MissingAction', 'The request must contain the parameter Action')
  }
  const operation = operations.get(form.action)
  if (operation === undefined) {
    throw new ApiError(
      'InvalidAction',
      `The action ${form.action} is not valid for this web service.`,
    )
  }
  if (form.version !== version) {
    throw new ApiError(
      'NoSuchVersion',
      `The requested version (${form.version ?? ''}) of service ${service.name} does not exist`,
    )
  }
  const input = decodeInput(operation.input, form.parameters, dialect)
  const handler = handlers(operation.name)
  if (handler === undefined) {
    throw new ApiError(
      'UnsupportedOperation',
      `${operation.name} is not implemented by this local endpoint.`,
    )
  }
  const call = { service: service.name, action: operation.name, accessKeyId }
  const output = encodeOutput(operation.output, await handler(input, call))
  return dialect.response({ operation: operation.name, namespace, requestId }, output)
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new ApiError('InternalError', `An internal error has occurred: ${reason}`)
}
