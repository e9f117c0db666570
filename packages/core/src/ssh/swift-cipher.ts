/**
 * ssh2's AES-GCM with what it wastes taken out: in JavaScript it has Node make a key of the same bytes anew for each
 * packet, which costs as much as to encrypt 32 KiB, and with or without its native addon it hands the socket each piece
 * by itself. The encryption, its counters and its checks stay ssh2's.
 */
import { createSecretKey, type KeyObject, randomFillSync } from 'node:crypto'
import type { Duplex } from 'node:stream'

import type { Client } from 'ssh2'

interface Cipher {
  /** Bytes, unless the native addon has them. */
  _encKey?: Uint8Array | KeyObject
  _onWrite: (data: Buffer) => void
  allocPacket: (this: Cipher, payloadBytes: number) => Buffer
  encrypt: (this: Cipher, packet: Buffer) => void
}

interface Decipher {
  _decipherKey?: Uint8Array | KeyObject
}

interface Insides {
  readonly _sock: Duplex
  readonly _protocol: { readonly _cipher: Cipher; readonly _decipher: Decipher }
}

/** From now on, whenever the two sides have agreed on keys: each time there is a new cipher. */
export function hastenCipher(client: Client): void {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- private, and checked by tests for the pinned version
  const inside = client as unknown as Insides
  client.on('handshake', () => {
    const { _sock: socket, _protocol: protocol } = inside
    const { _cipher: cipher, _decipher: decipher } = protocol
    const { _encKey: encKey } = cipher
    const { _decipherKey: decipherKey } = decipher
    if (decipherKey instanceof Uint8Array) {
      Object.assign(decipher, { _decipherKey: createSecretKey(decipherKey) })
    }
    if (encKey instanceof Uint8Array) hasten(cipher, createSecretKey(encKey))
    writeAtOnce(cipher, socket)
  })
}

function hasten(cipher: Cipher, key: KeyObject): void {
  const { allocPacket, _onWrite: write } = cipher

  // A packet of data is encrypted, into memory of its own, before the next one is begun.
  const scratch = Buffer.allocUnsafeSlow(36 * 1024)
  const alloc = (payloadBytes: number): Buffer => {
    const isData = payloadBytes >= 1024 && payloadBytes <= 32 * 1024 + 1024
    if (!isData) return allocPacket.call(cipher, payloadBytes)
    // Four bytes at least, to a multiple of the block (RFC 4253, section 6).
    const padding = 16 + ((-payloadBytes - 1) & 15)
    const packet = scratch.subarray(0, 5 + payloadBytes + padding)
    packet.writeUInt32BE(packet.length - 4)
    packet[4] = padding
    randomFillSync(packet, 5 + payloadBytes, padding)
    return packet
  }
  // The length is written as a part of the packet, which the next one takes the place of.
  const keep = (data: Buffer): void => write(data.length === 4 ? Buffer.from(data) : data)

  Object.assign(cipher, { _encKey: key, _onWrite: keep, allocPacket: alloc })
}

/** All that is sent in one turn goes to the kernel at once. */
function writeAtOnce(cipher: Cipher, socket: Duplex): void {
  const { encrypt } = cipher
  let isCorked = false
  const uncork = (): void => {
    isCorked = false
    socket.uncork()
  }
  const encryptCorked = (packet: Buffer): void => {
    if (!isCorked) {
      isCorked = true
      socket.cork()
      process.nextTick(uncork)
    }
    encrypt.call(cipher, packet)
  }
  Object.assign(cipher, { encrypt: encryptCorked })
}
