/** The bodies of all requests, of which only so much is held at once. */
import type { IncomingMessage } from 'node:http'

import { ApiError } from './api-error.ts'

const maxBodyBytes = 1024 * 1024
/** How much of an oversized body is read and dropped, so that its sender still hears why. */
const maxDroppedBytes = 32 * 1024 * 1024
/** Of all bodies together that are being read or answered. */
const maxHeldBytes = 64 * 1024 * 1024

/** Disposing of it gives its share of the memory back. */
export interface Body extends Disposable {
  readonly bytes: Buffer
  /** Why there are no bytes: it was too long, or too many others were there already. */
  readonly refusal: ApiError | undefined
}

/** @returns what reads a body to its end, and throws if its connection ends first or it never seems to end */
export function createBodyReader(): (request: IncomingMessage) => Promise<Body> {
  let held = 0
  return async (request) => {
    let chunks: Buffer[] = []
    let length = 0
    let share = 0
    let refusal: ApiError | undefined

    function release(): void {
      held -= share
      share = 0
      chunks = []
    }
    function refuse(error: ApiError): void {
      refusal ??= error
      release()
    }

    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        length += chunk.length
        if (length > maxDroppedBytes) throw new Error('endless body')
        if (length > maxBodyBytes) refuse(tooLarge())
        else if (held + chunk.length > maxHeldBytes) refuse(tooBusy())
        if (refusal !== undefined) continue
        chunks.push(chunk)
        share += chunk.length
        held += chunk.length
      }
    } catch (error) {
      release()
      throw error
    }
    return { bytes: Buffer.concat(chunks), refusal, [Symbol.dispose]: release }
  }
}

function tooLarge(): ApiError {
  return new ApiError(
    'RequestEntityTooLarge',
    `Request body is larger than ${maxBodyBytes} bytes`,
    413,
  )
}

/** Clients try again after a 503. */
function tooBusy(): ApiError {
  return new ApiError('Unavailable', 'The server is overloaded and cannot handle the request.', 503)
}
