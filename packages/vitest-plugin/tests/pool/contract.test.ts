/**
 * What the pool relies on in Vitest although no version promises it. When this fails after an update, Vitest has
 * moved: read what changed, then change `assertSupported()`, `messages.ts`, `modules.ts` and `requests.ts`.
 */
import { expect, test } from 'vitest'

import { Project } from './project.ts'

/** A pool of Vitest's own, that writes down what passes through it. */
const recorder = `
  import { appendFileSync, readFileSync } from 'node:fs'
  import { createMethodsRPC, ForksPoolWorker, generateFileHash } from 'vitest/node'
  import { defineConfig } from 'vitest/config'
  const note = (entry) => appendFileSync('wire.jsonl', JSON.stringify(entry) + '\\n')
  class Recorder extends ForksPoolWorker {
    name = 'recorder'
    start() { note({ from: 'pool', kind: 'start()' }); return super.start() }
    send(message) { note(entryOf('vitest', message)); super.send(message) }
    on(event, listener) {
      super.on(event, event === 'message' ? (message) => { note(entryOf('worker', this.deserialize(message))); listener(message) } : listener)
    }
  }
  function entryOf(from, message) {
    const { t, m, a, type } = message
    if (t === 'q') return { from, kind: 'call', method: m, args: a.map(shape), tasks: m === 'onTestBenchmark' ? keys(a[1].tasks[0]) : undefined }
    if (t === 's') return { from, kind: 'answer' }
    const flags = Object.keys(message).filter((key) => key.startsWith('__'))
    return { from, kind: type, flags, context: message.context && keys(message.context) }
  }
  const shape = (value) => Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
  const keys = (value) => typeof value === 'object' && value !== null ? Object.keys(value).sort() : shape(value)
  export default defineConfig({
    plugins: [{
      name: 'contract', enforce: 'pre',
      config: { order: 'pre', handler(config) {
        const cli = config.plugins.flat(5).find((plugin) => plugin?.name === 'vitest:config:cli')
        const probe = {}
        cli?.config.handler(probe)
        note({ from: 'config', benchmarkOnly: probe.test?.benchmarkOnly })
      } },
      async configureVitest({ vitest, project }) {
        project.config.pool = 'recorder'
        project.config.poolRunner = { name: 'recorder', createPoolWorker: (options) => new Recorder(options) }
        const rpc = createMethodsRPC(project, { cacheFs: true })
        note({ from: 'rpc', methods: Object.keys(rpc).sort() })
        const file = project.config.root + '/wire.bench.ts'
        await rpc.prewarmModuleGraph('ssr', [file])
        const warm = await rpc.fetchWarmModules('ssr', [file])
        const text = readFileSync(warm['/src/x.ts'].tmp, 'utf8')
        const at = text.lastIndexOf('\\n//# vitestSourceMap=')
        note({ from: 'warm', urls: Object.keys(warm).filter((url) => !url.includes('/vitest/')).map((url) => url.replace(project.config.root, '')).sort(),
          inlined: keys(warm['/src/x.ts']), external: keys(warm['/node_modules/pkg/index.js']), map: JSON.parse(text.slice(at + 21)).version,
          vitest: Object.entries(warm).filter(([url]) => url.includes('/vitest/')).map(([, { externalize }]) => externalize === vitest.distPath + '/index.js') })
        note({ from: 'fetch', keys: keys(await rpc.fetch('/src/x.ts', undefined, 'ssr')) })
        note({ from: 'resolve', keys: keys(await rpc.resolve('./src/x.ts', file, 'ssr')) })
        note({ from: 'project', name: project.name, hash: generateFileHash('a', 'b'), provider: 'provider' in project.config.benchmark,
          suppress: typeof project.config.benchmark.suppressExportGetterWarnings, snapshot: typeof vitest.snapshot.resolvePath,
          deny: project.vite.config.server.fs.deny.includes('.env'), allow: Array.isArray(project.vite.config.server.fs.allow) })
      },
    }],
  })`

interface Entry {
  readonly from: string
  readonly kind?: string
  readonly method?: string
  readonly args?: readonly string[]
  readonly tasks?: readonly string[]
}

test('Vitest speaks to a pool and its workers as this plugin expects', async () => {
  const project = new Project({
    'vitest.config.ts': recorder,
    'src/x.ts': 'export const x: number = 1',
    'node_modules/pkg/package.json': '{ "name": "pkg", "type": "module", "exports": "./index.js" }',
    'node_modules/pkg/index.js': 'export const y = 2',
    'wire.bench.ts': `
      import { y } from 'pkg'
      import { expect, test } from 'vitest'
      import { x } from './src/x.ts'
      test('wire', async ({ bench }) => {
        console.log('log')
        await bench('sum', { writeResult: 'result.json', perProject: true }, () => x + y).run({ time: 5, iterations: 3, warmup: false })
        expect(1).toMatchSnapshot()
      })`,
  })
  const { exitCode, text } = await project.bench()
  expect(text).toMatch(/Tests +1 passed \(1\)/)
  expect(exitCode).toBe(0)
  const entries: Entry[] = project
    .read('wire.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const onTheWire = entries.filter(({ kind }) => kind !== undefined)
  expect(entries.filter(({ kind }) => kind === undefined)).toMatchInlineSnapshot(`
    [
      {
        "benchmarkOnly": true,
        "from": "config",
      },
      {
        "from": "rpc",
        "methods": [
          "ensureModuleGraphEntry",
          "fetch",
          "fetchWarmModules",
          "getCountOfFailedTests",
          "onAfterSuiteRun",
          "onAsyncLeaks",
          "onCancel",
          "onCollected",
          "onQueued",
          "onTaskArtifactRecord",
          "onTaskUpdate",
          "onTestBenchmark",
          "onTestModuleDependencies",
          "onUnhandledError",
          "onUserConsoleLog",
          "prewarmModuleGraph",
          "readBenchmarkResult",
          "resolve",
          "resolveSnapshotPath",
          "snapshotSaved",
          "transform",
          "writeBenchmarkResult",
        ],
      },
      {
        "external": [
          "externalize",
          "type",
        ],
        "from": "warm",
        "inlined": [
          "cached",
          "file",
          "id",
          "invalidate",
          "moduleType",
          "tmp",
          "url",
        ],
        "map": 3,
        "urls": [
          "/node_modules/pkg/index.js",
          "/src/x.ts",
          "/src/x.ts",
          "/wire.bench.ts",
        ],
        "vitest": [
          true,
        ],
      },
      {
        "from": "fetch",
        "keys": [
          "cached",
          "file",
          "id",
          "invalidate",
          "moduleType",
          "tmp",
          "url",
        ],
      },
      {
        "from": "resolve",
        "keys": [
          "file",
          "id",
          "url",
        ],
      },
      {
        "allow": true,
        "deny": true,
        "from": "project",
        "hash": "89675715",
        "name": "bench",
        "provider": false,
        "snapshot": "function",
        "suppress": "boolean",
      },
    ]
  `)

  const life = onTheWire.filter(({ kind }) => kind !== 'call' && kind !== 'answer')
  expect(life).toMatchInlineSnapshot(`
    [
      {
        "from": "pool",
        "kind": "start()",
      },
      {
        "context": [
          "config",
          "environment",
          "pool",
        ],
        "flags": [
          "__vitest_worker_request__",
        ],
        "from": "vitest",
        "kind": "start",
      },
      {
        "flags": [
          "__vitest_worker_response__",
        ],
        "from": "worker",
        "kind": "started",
      },
      {
        "context": [
          "environment",
          "files",
          "invalidates",
          "providedContext",
          "workerId",
        ],
        "flags": [
          "__vitest_worker_request__",
        ],
        "from": "vitest",
        "kind": "run",
      },
      {
        "flags": [
          "__vitest_worker_response__",
        ],
        "from": "worker",
        "kind": "testfileFinished",
      },
      {
        "flags": [
          "__vitest_worker_request__",
        ],
        "from": "vitest",
        "kind": "stop",
      },
      {
        "flags": [
          "__vitest_worker_response__",
        ],
        "from": "worker",
        "kind": "stopped",
      },
    ]
  `)

  expect(signatures(onTheWire)).toMatchInlineSnapshot(`
    [
      "worker calls fetch(string, undefined, string, object, undefined)",
      "worker calls fetchWarmModules(string, array)",
      "worker calls onCollected(array)",
      "worker calls onQueued(object)",
      "worker calls onTaskUpdate(array, array)",
      "worker calls onTestBenchmark(string, object)",
      "worker calls onUserConsoleLog(object)",
      "worker calls resolve(string, undefined, string)",
      "worker calls resolveSnapshotPath(string)",
      "worker calls snapshotSaved(object)",
      "worker calls writeBenchmarkResult(string, object)",
    ]
  `)

  const benchmark = onTheWire.find(({ method }) => method === 'onTestBenchmark')
  expect(benchmark?.tasks).toEqual([
    'latency',
    'name',
    'perProject',
    'period',
    'rank',
    'throughput',
    'totalTime',
  ])
})

/** Each function that is called, with all that was seen in the place of each argument. */
function signatures(entries: readonly Entry[]): string[] {
  const seen = Map.groupBy(
    entries.filter(({ method }) => method !== undefined),
    ({ from, method }) => `${from} calls ${method}`,
  )
  return Array.from(seen, ([call, all]) => {
    const places = Math.max(...all.map(({ args = [] }) => args.length))
    const shapes = Array.from({ length: places }, (_, at) =>
      [...new Set(all.map(({ args = [] }) => args[at] ?? 'undefined'))]
        .toSorted((a, b) => a.localeCompare(b))
        .join(' | '),
    )
    return `${call}(${shapes.join(', ')})`
  }).toSorted((a, b) => a.localeCompare(b))
}
