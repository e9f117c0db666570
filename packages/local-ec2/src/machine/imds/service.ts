/**
 * The metadata service of all machines of a fabric: one listener, who tells them apart by their address.
 *
 * A machine can neither take another address nor send with one: most have no capability for either, and what those that
 * boot an image send from others is dropped at their port. Where the kernel has nothing to drop it with, the endpoint's
 * `isolation` says that they may.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

import type { Knowledge } from '../fabric/protocol.ts'
import { answerTo, type Source } from './answer.ts'
import { Tokens } from './token.ts'
import { treeOf } from './tree.ts'

/** No machine keeps the others from being answered. */
const connectionsOfOne = 32

export class MetadataService {
  readonly #sources = new Map<string, Source & { instanceId: string }>()
  readonly #open = new Map<string, number>()
  readonly #server = createServer(
    { headersTimeout: 5000, requestTimeout: 5000, connectionsCheckingInterval: 1000 },
    (request, response) => this.#serve(request, response),
  )

  constructor() {
    this.#server.on('connection', (socket: Socket) => this.#admit(socket))
  }

  /** @returns the port */
  async listen(address: string, port = 80): Promise<number> {
    this.#server.listen(port, address)
    await once(this.#server, 'listening')
    const bound: AddressInfo | string | null = this.#server.address()
    return typeof bound === 'object' && bound !== null ? bound.port : port
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  /** What the machine at `knowledge.privateIp` is answered from now on. */
  learn(knowledge: Knowledge): void {
    const { privateIp, instanceId, facts } = knowledge
    const before = this.#sources.get(privateIp)
    this.#sources.set(privateIp, {
      instanceId,
      tree: treeOf(knowledge),
      // A token is good for the instance that asked for it, as long as it is on.
      tokens: before?.instanceId === instanceId ? before.tokens : new Tokens(),
      options: facts.metadata,
    })
  }

  forget(privateIp: string): void {
    this.#sources.delete(privateIp)
  }

  #admit(socket: Socket): void {
    const address = socket.remoteAddress ?? ''
    const count = (this.#open.get(address) ?? 0) + 1
    if (!this.#sources.has(address) || count > connectionsOfOne) {
      socket.destroy()
      return
    }
    this.#open.set(address, count)
    socket.once('close', () => {
      const left = (this.#open.get(address) ?? 1) - 1
      if (left > 0) this.#open.set(address, left)
      else this.#open.delete(address)
    })
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers, socket } = request
    const source = this.#sources.get(socket.remoteAddress ?? '')
    if (source === undefined) {
      socket.destroy()
      return
    }
    const { status, headers: more, body } = answerTo({ method, url, headers }, source, Date.now())
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
    response.writeHead(status, {
      ...more,
      'accept-ranges': 'none',
      'content-length': length,
      server: 'EC2ws',
      connection: 'close',
    })
    response.end(method === 'HEAD' ? undefined : body)
  }
}
