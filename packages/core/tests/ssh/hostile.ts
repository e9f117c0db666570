/** A machine that sends whatever it likes: archives with anything in them, and a `tar` that prints them. */
import fs from 'node:fs'
import path from 'node:path'

import type { OpenChannel } from '../../src/ssh/channels.ts'
import type { Connection } from '../../src/ssh/connection.ts'

export interface Member {
  readonly name: string
  /** @default '0', a file */
  readonly type?: string
  readonly content?: string | Buffer
  /** Announced instead of the length of the content. */
  readonly size?: number
  readonly link?: string
  readonly mode?: number
  readonly pax?: Readonly<Record<string, string>>
}

export const end: Buffer = Buffer.alloc(1024)

/** All of them, without the end. */
export function members(...all: readonly Member[]): Buffer {
  return Buffer.concat(all.map((member) => bytesOf(member)))
}

export function archiveOf(...all: readonly Member[]): Buffer {
  return Buffer.concat([members(...all), end])
}

export function paxRecords(records: Readonly<Record<string, string>>): Buffer {
  return Buffer.from(
    Object.entries(records)
      .map(([key, value]) => {
        const rest = Buffer.byteLength(` ${key}=${value}\n`, 'latin1')
        let length = rest + 1
        while (String(length).length + rest !== length) length++
        return `${length} ${key}=${value}\n`
      })
      .join(''),
    'latin1',
  )
}

function bytesOf(member: Member): Buffer {
  const { name, type = '0', link = '', mode = 0o644, pax } = member
  const content = Buffer.from(member.content ?? '')
  const header = Buffer.alloc(512)
  header.write(name.slice(0, 100), 0, 'latin1')
  header.write(`${mode.toString(8).padStart(7, '0')}\0`, 100)
  header.write(`${(member.size ?? content.length).toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000001\0', 136)
  header.write(type, 156)
  header.write(link.slice(0, 100), 157, 'latin1')
  header.write('ustar\u000000', 257)
  header.fill(' ', 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  const padding = Buffer.alloc(-content.length & 511)
  const before =
    pax === undefined ? [] : [bytesOf({ name: 'pax', type: 'x', content: paxRecords(pax) })]
  return Buffer.concat([...before, header, content, padding])
}

/**
 * Puts programs in the way of the real ones.
 *
 * @param scripts by name, for a POSIX shell
 * @returns what `sshd_config` needs for it
 */
export function programs(folder: string, scripts: Readonly<Record<string, string>>): string {
  for (const [name, script] of Object.entries(scripts)) {
    fs.writeFileSync(path.join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }
  // SetEnv would count once only, and is taken.
  return `ForceCommand PATH=${folder}:$PATH; eval "$SSH_ORIGINAL_COMMAND"`
}

/** The same connection, where `onOpen` sees each channel before the one who has asked for it. */
export function watching(
  connection: Connection,
  onOpen: (opened: OpenChannel) => void,
): Connection {
  return {
    target: connection.target,
    closed: connection.closed,
    client: (signal) => connection.client(signal),
    close: () => connection.close(),
    openChannel: async (command, options) => {
      const opened = await connection.openChannel(command, options)
      onOpen(opened)
      return opened
    },
  }
}
