/**
 * What a worker on the machine is made of: Vitest's worker half and our `remote/worker.ts`, bundled from the Vitest
 * that the developer has, because the two halves speak a private protocol that moves within minor versions.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { cached } from './cache.ts'

/** A bundle, ready to be unpacked on a machine. */
export interface Runtime {
  /** Names its content. */
  readonly key: string
  /** A gzipped tar archive that holds `node_modules/vitest/`. */
  readonly archive: string
  /** Size of the archive. */
  readonly bytes: number
}

/** The developer's own Vitest. */
export interface VitestHome {
  readonly version: string
  /** The folder of its compiled files. */
  readonly distPath: string
}

/** Where the worker's file lies once the archive is unpacked. */
export const workerPath = 'node_modules/vitest/dist/worker.js'

const ours = fileURLToPath(new URL('..', import.meta.url))

/** Bundles the worker, or finds the bundle in the cache. */
export async function buildRuntime(vitest: VitestHome): Promise<Runtime> {
  const key = runtimeKey(vitest)
  const archive = await cached(`runtime-${key}.tar.gz`, async (path) => {
    const folder = join(dirname(path), 'runtime')
    await bundle(vitest, join(folder, 'node_modules/vitest'))
    await promisify(execFile)('tar', ['-czf', path, '-C', folder, 'node_modules'])
  })
  return { key, archive, bytes: statSync(archive).size }
}

function runtimeKey({ version, distPath }: VitestHome): string {
  const hash = createHash('sha256').update(`${version}\0${distPath}\0`)
  // A patched Vitest keeps its version.
  hash.update(String(statSync(join(distPath, 'worker.js')).mtimeMs))
  for (const folder of ['remote', 'wire']) {
    for (const name of readdirSync(join(ours, folder)).toSorted()) {
      hash.update(name).update(readFileSync(join(ours, folder, name)))
    }
  }
  return `${version}-${hash.digest('hex').slice(0, 16)}`
}

async function bundle({ version, distPath }: VitestHome, folder: string): Promise<void> {
  const { rolldown } = await import('rolldown')
  const worker = join(ours, `remote/worker${extname(import.meta.filename)}`)
  const build = await rolldown({
    // `vitest` is an entry of its own: what the bench file imports shares its state with the worker.
    input: {
      worker,
      index: join(distPath, 'index.js'),
      runtime: join(distPath, 'runtime.js'),
    },
    cwd: dirname(distPath),
    platform: 'node',
    external: [/^node:/, /^(jsdom|happy-dom|@edge-runtime\/vm|@opentelemetry\/.*)$/],
    resolve: {
      alias: {
        'vitest/worker': join(distPath, 'worker.js'),
        'vitest/runtime': join(distPath, 'runtime.js'),
      },
    },
    logLevel: 'silent',
  })
  try {
    await build.write({
      dir: join(folder, 'dist'),
      format: 'esm',
      entryFileNames: '[name].js',
      chunkFileNames: 'chunks/[name]-[hash].js',
      // Minified names would hide the frame by which Vitest finds an inline snapshot.
      minify: false,
    })
  } finally {
    await build.close()
  }
  const exports = { '.': './dist/index.js', './runtime': './dist/runtime.js' }
  const manifest = { name: 'vitest', version, type: 'module', exports }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
}
