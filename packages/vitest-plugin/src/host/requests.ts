/** What a worker may ask of Vitest. The machine is not trusted, so each call is looked at before Vitest sees it. */
import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'

import { PluginError } from '../errors.ts'
import type { Gate } from './gate.ts'
import { type BenchmarkMessage, isObject, type RpcCall } from './messages.ts'
import { cleanMessage } from './terminal.ts'

export interface RequestRules {
  readonly gate: Gate
  /** Folder of the Vitest project. */
  readonly root: string
  /** Whether results also belong into the table across projects. */
  readonly acrossMachines: boolean
}

// Calls whose arguments are names of modules, where control characters mean something, such as `\0virtual:x`.
const ofModules = new Set(['fetch', 'fetchWarmModules', 'resolve'])
const harmless = new Set([
  'ensureModuleGraphEntry',
  'getCountOfFailedTests',
  'onAfterSuiteRun',
  'onAsyncLeaks',
  'onCancel',
  'onCollected',
  'onQueued',
  'onTaskUpdate',
  'onTestModuleDependencies',
  'onUnhandledError',
  'onUserConsoleLog',
  'resolveSnapshotPath',
  'snapshotSaved',
])

/**
 * Returns the call as Vitest may see it.
 *
 * @throws {PluginError} `REQUEST_REFUSED`
 */
export function admit(call: RpcCall, rules: RequestRules): RpcCall {
  const { gate, root } = rules
  const [first, second] = call.a
  if (ofModules.has(call.m)) {
    if (call.m === 'fetchWarmModules') {
      for (const file of Array.isArray(second) ? second : []) {
        if (typeof file !== 'string') continue
        gate.check(resolve(root, file))
        gate.checkRequest(file, undefined)
      }
    } else if (typeof first === 'string') {
      gate.checkRequest(first, typeof second === 'string' ? second : undefined)
    }
    return call
  }
  cleanMessage(call.a)
  if (harmless.has(call.m)) return call
  if (call.m === 'onTestBenchmark') {
    if (rules.acrossMachines && isBenchmark(second)) markPerProject(second)
    return call
  }
  if (call.m === 'readBenchmarkResult' && typeof first === 'string') {
    gate.check(resolve(root, first))
    return call
  }
  if (call.m === 'writeBenchmarkResult' && typeof first === 'string') {
    return { ...call, a: [first, benchmarkResult(resolve(root, first), second, gate)] }
  }
  if (call.m === 'onTaskArtifactRecord') {
    for (const path of attachmentPaths(second)) gate.check(resolve(root, path))
    return call
  }
  throw new PluginError(
    'REQUEST_REFUSED',
    `a worker on a machine may not call '${call.m}' of Vitest`,
  )
}

/** Whether what was resolved for a worker may be known to it. */
export function checkResolved(answer: unknown, gate: Gate): void {
  if (isObject(answer) && typeof answer['file'] === 'string' && isAbsolute(answer['file'])) {
    gate.check(answer['file'])
  }
}

// Vitest draws its table across projects for benches that say `perProject`. Each machine is a project, so all of them do.
function markPerProject(benchmark: BenchmarkMessage): void {
  for (const task of benchmark.tasks) if (task.fromStore !== true) task.perProject = true
}

function isBenchmark(value: unknown): value is BenchmarkMessage {
  return isObject(value) && Array.isArray(value['tasks']) && value['tasks'].every(isObject)
}

/** Only the numbers, and only where there is no file yet or an earlier result: not over a package.json. */
function benchmarkResult(path: string, given: unknown, gate: Gate): unknown {
  gate.checkWrite(path)
  if (existsSync(path) && !isResultFile(path)) {
    throw new PluginError(
      'REQUEST_REFUSED',
      `${path} is no benchmark result, so it is not overwritten with one`,
      {
        hint: 'Give `writeResult` another path.',
      },
    )
  }
  const { latency, throughput, period, totalTime } = isObject(given) ? given : {}
  return { latency, throughput, period, totalTime }
}

function isResultFile(path: string): boolean {
  try {
    const content: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isObject(content) && 'latency' in content && 'throughput' in content
  } catch {
    return false
  }
}

/** Local files that Vitest would copy into the project's folder of attachments. */
function attachmentPaths(artifact: unknown): string[] {
  if (!isObject(artifact)) return []
  const { annotation, attachments } = artifact
  const all = [
    isObject(annotation) ? annotation['attachment'] : undefined,
    ...(Array.isArray(attachments) ? attachments : []),
  ]
  return all.flatMap((one: unknown) => {
    if (!isObject(one) || typeof one['path'] !== 'string') return []
    return /^https?:\/\//.test(one['path']) ? [] : [one['path']]
  })
}
