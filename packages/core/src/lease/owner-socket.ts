/**
 * Proof of life among the runs of one computer: each run listens on a socket named by its id.
 *
 * The kernel closes it with the process, whatever ends that, so a refused connection proves death, which no pid file
 * can. It is a shortcut only: a run that left no proof is known to be dead once its tag says that it has expired.
 */
import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { hostname, tmpdir, userInfo } from 'node:os'
import path from 'node:path'

import { BenchawayError, messageOf } from '../errors.ts'

export interface OwnerSocket {
  close(): Promise<void>
}

/**
 * Holds until `close()` or the end of the process, without keeping the process alive.
 *
 * @throws {BenchawayError} `OWNER_SOCKET_FAILED`
 */
export async function holdOwnerSocket(run: string): Promise<OwnerSocket> {
  const file = socketPath(run)
  const server = net.createServer((socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new BenchawayError('OWNER_SOCKET_FAILED', `cannot listen on ${file}: ${messageOf(cause)}`, {
          hint: 'Set TMPDIR to a folder of your own with a short path: a socket has room for some 100 characters.',
          cause,
        }),
      ),
    )
    server.listen(file, () => resolve())
  })
  server.unref()
  return {
    close: () =>
      new Promise((resolve) => {
        // Node removes the file with the server.
        server.close(() => resolve())
      }),
  }
}

/** `unknown` means that this computer cannot tell: the run may live elsewhere. */
export function probeOwner(run: string): Promise<'alive' | 'dead' | 'unknown'> {
  const file = socketPath(run)
  return new Promise((resolve) => {
    const socket = net.connect(file)
    socket.once('connect', () => {
      socket.destroy()
      resolve('alive')
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // A full backlog (EAGAIN) means a stopped but living process.
      if (error.code === 'ECONNREFUSED') resolve('dead')
      else resolve(error.code === 'ENOENT' ? 'unknown' : 'alive')
    })
  })
}

/** Removes what a dead run left on this computer, once nothing of it is left in the account. */
export function forgetOwner(run: string): void {
  rmSync(socketPath(run), { force: true })
}

/** @throws {BenchawayError} `OWNER_SOCKET_FAILED` */
function socketPath(run: string): string {
  // A container may run under a number that has no name.
  const user = process.getuid?.() ?? userInfo().username
  const folder = path.join(tmpdir(), `benchaway-${user}-${computer()}`)
  let seen
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    seen = lstatSync(folder)
  } catch (cause) {
    throw new BenchawayError('OWNER_SOCKET_FAILED', `cannot make ${folder}: ${messageOf(cause)}`, {
      hint: 'Set TMPDIR to a folder of your own.',
      cause,
    })
  }
  // Somebody who owns the folder could fake the life or death of our runs.
  if (!seen.isDirectory() || (process.getuid && seen.uid !== process.getuid())) {
    throw new BenchawayError('OWNER_SOCKET_FAILED', `${folder} belongs to somebody else`, {
      hint: `Remove ${folder}, or set TMPDIR to a folder of your own.`,
    })
  }
  if ((seen.mode & 0o077) !== 0) chmodSync(folder, 0o700)
  return path.join(folder, `${run}.sock`)
}

/** Tells computers that share a folder for temporary files apart: of another's sockets this kernel knows nothing. */
function computer(): string {
  let id = ''
  try {
    id = readFileSync('/etc/machine-id', 'utf8')
  } catch {
    // Not every system has one; the name must do.
  }
  return createHash('sha256').update(`${hostname()}\0${id}`).digest('hex').slice(0, 8)
}
