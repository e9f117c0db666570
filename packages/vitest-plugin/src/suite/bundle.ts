/** What is sent to a machine to measure functions: their modules, tinybench and `remote/bench.ts` in one file. */
import { createHash } from 'node:crypto'
import { isBuiltin, SourceMap, type SourceMapPayload } from 'node:module'
import { extname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

import { PluginError } from '../errors.ts'

export interface Bundle {
  /** Names its content; the file on the machine has this name. */
  readonly fileName: string
  readonly code: Uint8Array
  /** From positions of the bundle to those of the sources. */
  readonly map: SourceMap
  /** Key of each module by its path. */
  readonly keys: ReadonlyMap<string, string>
}

const entry = '\0benchaway:entry'
const runner = fileURLToPath(new URL(`../remote/bench${extname(import.meta.url)}`, import.meta.url))

/**
 * Bundles modules, given by absolute paths.
 *
 * @throws {PluginError} `REMOTE_INVALID` with the words of the bundler
 */
export async function bundleModules(files: readonly string[]): Promise<Bundle> {
  const modules = [...new Set(files)].toSorted()
  const { rolldown } = await import('rolldown')
  const keys = new Map(modules.map((file) => [file, relative(process.cwd(), file)]))
  const imports = modules.map((file, index) => `import * as m${index} from ${JSON.stringify(file)}`)
  const table = modules.map((file, index) => `${JSON.stringify(keys.get(file))}: m${index}`)
  // The runner comes first: what a module throws while it loads must find it there.
  const source = [
    `import { measure } from ${JSON.stringify(runner)}`,
    ...imports,
    `await measure({ ${table.join(', ')} })`,
  ].join('\n')
  const build = await rolldown({
    input: entry,
    platform: 'node',
    logLevel: 'silent',
    plugins: [
      {
        name: 'benchaway',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => {
          if (id === entry) return source
          return id.endsWith('.node') ? refusalOfAddon(id) : undefined
        },
      },
    ],
  }).catch(refuse)
  try {
    const { output } = await build
      .generate({ format: 'esm', codeSplitting: false, sourcemap: true, file: 'bench.mjs' })
      .catch(refuse)
    const [chunk] = output
    // What was not found is left as it is, and would be missed only on the machine.
    const missing = chunk.imports.find((name) => !isBuiltin(name))
    if (missing !== undefined) refuse(new Error(`'${missing}' was not found`))
    const code = Buffer.from(chunk.code)
    const hash = createHash('sha256').update(code).digest('hex').slice(0, 16)
    if (chunk.map === null) throw new Error('rolldown made no source map')
    return { fileName: `bench-${hash}.mjs`, code, map: new SourceMap(payloadOf(chunk.map)), keys }
  } finally {
    await build.close()
  }
}

function refuse(cause: unknown): never {
  const words = cause instanceof Error ? cause.message : String(cause)
  throw new PluginError('REMOTE_INVALID', `what remote() names could not be bundled: ${words}`)
}

// Rolldown says of a map what Node wants to know, except for a root that it leaves out when it is empty.
function payloadOf(map: Omit<SourceMapPayload, 'sourceRoot'>): SourceMapPayload {
  return { ...map, sourceRoot: '' }
}

// At run time, because many packages try an addon and get along without it.
function refusalOfAddon(path: string): string {
  const words = `${path} is a native addon, and remote() sends JavaScript only`
  return `module.exports = undefined\nthrow new Error(${JSON.stringify(words)})`
}
