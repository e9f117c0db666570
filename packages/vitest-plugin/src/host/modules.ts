/**
 * What Vitest answers to a worker that asks for modules is meant for a process on this computer: paths of cache files
 * and of packages. Here the answers become what a machine can use: code, and packages that were sent before.
 */
import { readFileSync } from 'node:fs'
import { isAbsolute, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { TestProject } from 'vitest/node'

import { PluginError } from '../errors.ts'
import type { Gate } from './gate.ts'

/** Vitest's private answer to `fetch`; see the contract test. */
export interface FetchAnswer {
  /** The worker has it already. */
  readonly cache?: boolean
  readonly externalize?: string
  readonly type?: string
  readonly cached?: boolean
  readonly tmp?: string
  readonly code?: string
  readonly sourceMap?: string | undefined
  readonly file?: string | null
  readonly id?: string
  readonly url?: string
}

/** The part of Vitest's private methods that answers for a whole import graph at once. */
interface GraphMethods {
  prewarmModuleGraph(environment: string, files: string[]): Promise<void>
  fetchWarmModules(environment: string, files: string[]): Promise<Record<string, FetchAnswer>>
}

export interface ModulesOptions {
  readonly project: TestProject
  readonly gate: Gate
  readonly graph: GraphMethods
  /** Brings packages to the machine, each given by one of its files. */
  readonly send: (files: readonly string[]) => Promise<void>
}

// Vitest 5.1 keeps the source map after the code in its cache files.
const mapMarker = '\n//# vitestSourceMap='

const inlineMap = /^[\t ]*\/\/[#@]\s?sourceMappingURL=data:([^,\n]*),(.*)$/gm

export class Modules {
  readonly #options: ModulesOptions

  constructor(options: ModulesOptions) {
    this.#options = options
  }

  /**
   * Turns one answer into what the machine can use.
   *
   * @throws {PluginError} `REQUEST_REFUSED`
   */
  async answer(given: FetchAnswer): Promise<FetchAnswer> {
    const local = this.#localPath(given)
    if (local !== undefined) await this.#options.send([local])
    return this.#portable(given)
  }

  /** Answers for everything that files import: one round trip instead of one for each module. */
  async graph(environment: string, files: string[]): Promise<Record<string, FetchAnswer>> {
    const { graph, send } = this.#options
    await graph.prewarmModuleGraph(environment, files)
    const warm = await graph.fetchWarmModules(environment, files)
    const imported = this.#importedUrls(environment, warm)
    const answers: Record<string, FetchAnswer> = {}
    const packages: string[] = []
    for (const [url, given] of Object.entries(warm)) {
      // Vitest lists every package that it has seen in this session; only what these files import is worth sending.
      if (given.externalize !== undefined && !imported.has(url)) continue
      try {
        answers[url] = this.#portable(given)
        const local = this.#localPath(given)
        if (local !== undefined) packages.push(local)
      } catch {
        // The worker asks for it by itself if it really needs it, and is then told why it may not have it.
      }
    }
    await send(packages)
    return answers
  }

  #importedUrls(environment: string, warm: Record<string, FetchAnswer>): Set<string> {
    const { moduleGraph } = this.#options.project.vite.environments[environment] ?? {}
    const urls = new Set<string>()
    for (const { id } of Object.values(warm)) {
      const node = id === undefined ? undefined : moduleGraph?.getModuleById(id)
      for (const imported of node?.importedModules ?? []) urls.add(imported.url)
    }
    return urls
  }

  #portable(given: FetchAnswer): FetchAnswer {
    const { gate, project } = this.#options
    if (given.externalize !== undefined) {
      const path = externalPath(given)
      if (path === undefined) return given
      const part = vitestPart(path, project.vitest.distPath)
      if (part !== undefined) return { ...given, externalize: part }
      gate.check(path)
      return given
    }
    if (given.file !== undefined && given.file !== null && isAbsolute(given.file)) {
      gate.check(given.file)
    }
    return withoutSources(given.tmp === undefined ? given : inlined(given, given.tmp))
  }

  /** The file of a package that must be on the machine for this answer to be of use. */
  #localPath(given: FetchAnswer): string | undefined {
    const path = externalPath(given)
    if (path === undefined) return undefined
    const { distPath } = this.#options.project.vitest
    if (vitestPart(path, distPath) !== undefined) return undefined
    this.#options.gate.check(path)
    return path
  }
}

function externalPath(given: FetchAnswer): string | undefined {
  if (given.externalize === undefined || given.type !== 'module') return undefined
  const path = given.externalize.startsWith('file://')
    ? fileURLToPath(given.externalize)
    : given.externalize.replace(/\?.*$/, '')
  return isAbsolute(path) && !path.startsWith('/@vite/') ? path : undefined
}

/** The name under which the machine has a file of Vitest itself. */
function vitestPart(path: string, distPath: string): string | undefined {
  if (!path.startsWith(distPath + sep)) return undefined
  if (path === join(distPath, 'index.js')) return 'vitest'
  if (path === join(distPath, 'runtime.js')) return 'vitest/runtime'
  throw new PluginError(
    'REQUEST_REFUSED',
    `${path} is a part of Vitest that exists only on the developer's computer`,
    { hint: "Import only 'vitest' and 'vitest/runtime' in a bench file." },
  )
}

/**
 * Vite puts the text of every file that a map names into it, and a map may name any file of this computer. The worker
 * needs the positions alone.
 */
export function withoutSources(answer: FetchAnswer): FetchAnswer {
  const { code, sourceMap } = answer
  return {
    ...answer,
    ...(code === undefined ? {} : { code: code.replaceAll(inlineMap, withoutSourcesInline) }),
    ...(sourceMap === undefined ? {} : { sourceMap: positions(sourceMap) }),
  }
}

function withoutSourcesInline(_: string, head: string, data: string): string {
  const json = Buffer.from(data, head.endsWith(';base64') ? 'base64' : 'utf8').toString()
  const map = Buffer.from(positions(json) ?? positions(decoded(json)) ?? '{}').toString('base64')
  return `//# sourceMappingURL=data:application/json;base64,${map}`
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

/** A source map without its sources; undefined for what is none. */
function positions(map: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(map), (key, value: unknown) =>
      key === 'sourcesContent' ? undefined : value,
    )
  } catch {
    return undefined
  }
}

function inlined({ cached: _cached, tmp: _tmp, ...rest }: FetchAnswer, tmp: string): FetchAnswer {
  const text = readFileSync(tmp, 'utf8')
  const at = text.lastIndexOf(mapMarker)
  if (at < 0) return { ...rest, code: text }
  const sourceMap = text.slice(at + mapMarker.length)
  return { ...rest, code: text.slice(0, at), sourceMap: sourceMap === '' ? undefined : sourceMap }
}
