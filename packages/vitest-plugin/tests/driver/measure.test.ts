/** What `remote()` names, measured over a real ssh connection; only the machine is missing. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { bundleModules } from '../../src/suite/bundle.ts'
import { measureOn } from '../../src/suite/measure.ts'
import type { JobBench } from '../../src/wire/result.ts'
import { type Loopback, startLoopback } from './loopback.ts'

let machine: Loopback
let folder: string
beforeAll(async () => {
  machine = await startLoopback()
  folder = mkdtempSync(path.join(tmpdir(), 'benchaway measure '))
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await machine[Symbol.asyncDispose]()
})

const quick = { time: 5, iterations: 5, warmup: false }
const never = new AbortController().signal
let count = 0

/** Measures exports of a module that has this text. */
async function measure(
  text: string,
  benches: (Partial<JobBench> & { exportName: string })[],
  { options = {}, signal = never }: { options?: object; signal?: AbortSignal } = {},
) {
  const file = path.join(folder, `module-${++count}.ts`)
  writeFileSync(file, text)
  const bundle = await bundleModules([file])
  const jobs = benches.map((bench) => ({
    name: bench.exportName,
    module: bundle.keys.get(file) ?? '',
    args: [],
    hooks: {},
    options: {},
    ...bench,
  }))
  const job = { benches: jobs, options: { ...quick, ...options } }
  return { file, results: measureOn(machine.instance, job, bundle, signal) }
}

async function failureOf(measuring: ReturnType<typeof measure>): Promise<unknown> {
  const { results } = await measuring
  return results.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  )
}

test('arguments arrive as they were sent, and hooks are called with them', async () => {
  const text = `
    let calls: string[] = []
    export function open(when: Date, bytes: Uint8Array, map: Map<string, bigint>) {
      calls.push(\`\${when.getTime()} \${bytes.constructor.name} \${bytes.length} \${map.get('a')}\`)
    }
    export function work(when: Date) {
      if (calls[0] !== '5 Uint8Array 3 7') throw new Error(calls.join())
    }`
  const args = [new Date(5), new Uint8Array(3), new Map([['a', 7n]])]
  const { results } = await measure(text, [
    { exportName: 'work', args, hooks: { beforeAll: 'open' } },
  ])
  const [result] = await results
  expect(result).toMatchObject({ name: 'work', state: 'completed', runtime: 'node' })
  expect(result?.runtimeVersion).toBe(process.versions.node)
  expect(result?.latency.samplesCount).toBeGreaterThanOrEqual(5)
})

test('samples are kept when asked for, all of them', async () => {
  const options = { time: 200, retainSamples: true }
  const { results } = await measure('export const noop = () => {}', [{ exportName: 'noop' }], {
    options,
  })
  const [result] = await results
  // More than one line of them.
  expect(result?.latency.samplesCount).toBeGreaterThan(25_000)
  expect(result?.latency.samples).toHaveLength(result?.latency.samplesCount ?? 0)
  expect(result?.throughput.samples).toHaveLength(result?.throughput.samplesCount ?? 0)
  expect(result?.latency.samples?.[0]).toBe(result?.latency.min)
  expect(result?.latency.samples?.at(-1)).toBe(result?.latency.max)
})

test("a benchmark's own retainSamples counts before that of its run", async () => {
  const text = 'export const noop = () => {}'
  const kept = async (ofRun: boolean): Promise<boolean[]> => {
    const { results } = await measure(
      text,
      [
        { exportName: 'noop', name: 'own yes', options: { retainSamples: true } },
        { exportName: 'noop', name: 'own no', options: { retainSamples: false } },
        { exportName: 'noop', name: 'none', options: { retainSamples: undefined } },
      ],
      { options: { retainSamples: ofRun } },
    )
    return (await results).map(({ latency }) => latency.samples?.length === latency.samplesCount)
  }
  expect(await kept(false)).toEqual([true, false, false])
  expect(await kept(true)).toEqual([true, false, true])
})

test('an async function is awaited, with and without arguments', async () => {
  const text = `export const nap = (ms = 5) => new Promise((done) => setTimeout(done, ms))
    export async function sleep(ms: number) { await nap(ms) }`
  const { results } = await measure(text, [
    { exportName: 'nap' },
    { exportName: 'sleep', args: [20] },
  ])
  const [nap, sleep] = await results
  expect(nap?.latency.min).toBeGreaterThan(4)
  expect(sleep?.latency.min).toBeGreaterThan(19)
})

test('modules of npm are bundled with the function', async () => {
  const entry = path.join(import.meta.dirname, '../../node_modules/tinybench/dist/index.js')
  const text = `import { mToNs } from ${JSON.stringify(entry)}
    export function convert() { if (mToNs(1) !== 1_000_000) throw new Error('wrong') }`
  const { results } = await measure(text, [{ exportName: 'convert' }])
  expect(await results).toHaveLength(1)
})

test('a process that does not want to end is ended once it has said everything', async () => {
  const text = `process.on('exit', () => { for (;;); })
    export const x = () => {}`
  const { results } = await measure(text, [{ exportName: 'x' }])
  expect(await results).toHaveLength(1)
})

test('what cannot be bundled is refused with the words of the bundler', async () => {
  await expect(measure('export const x = (', [{ exportName: 'x' }])).rejects.toMatchObject({
    code: 'REMOTE_INVALID',
    message: expect.stringMatching(/^what remote\(\) names could not be bundled: [^]*Expected/),
  })
  const missing = `import 'no-such-package'\nexport const x = () => {}`
  await expect(measure(missing, [{ exportName: 'x' }])).rejects.toMatchObject({
    code: 'REMOTE_INVALID',
    message: "what remote() names could not be bundled: 'no-such-package' was not found",
  })
})

test('a native addon is refused when it is needed, not when it is only tried', async () => {
  const addon = path.join(folder, 'addon.node')
  writeFileSync(addon, Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0xff]))
  const tried = path.join(folder, 'tried.cjs')
  writeFileSync(tried, `try { require('./addon.node') } catch { exports.fast = false }`)
  const text = `import tried from './tried.cjs'
    export const x = () => { if (tried.fast !== false) throw new Error('it loaded') }`
  const { results } = await measure(text, [{ exportName: 'x' }])
  expect(await results).toHaveLength(1)

  const needed = `import addon from './addon.node'\nexport const x = () => addon`
  expect(await failureOf(measure(needed, [{ exportName: 'x' }]))).toMatchObject({
    message: `${addon} is a native addon, and remote() sends JavaScript only`,
  })
})

describe('what is thrown there', () => {
  test('arrives with its name, message, code and cause, and leads to the source', async () => {
    const text = `interface Erased { gone: boolean }
export function fail(value: Erased) {
  throw Object.assign(new RangeError('too far', { cause: new TypeError('why') }), { code: 'E_FAR' })
}`
    const measuring = measure(text, [{ exportName: 'fail' }])
    const error = await failureOf(measuring)
    const { file } = await measuring
    expect(error).toMatchObject({
      name: 'RangeError',
      message: 'too far',
      code: 'E_FAR',
      cause: { name: 'TypeError', message: 'why' },
      machine: `m7i.large ${machine.instance.id}`,
      stacks: [{ file, line: 3, column: 23 }],
    })
    expect(error).toHaveProperty('stack', expect.stringContaining(`${file}:3:23`))
  })

  test('while a module loads, too', async () => {
    const measuring = measure(`export const x = () => {}\nJSON.parse('{')`, [{ exportName: 'x' }])
    const error = await failureOf(measuring)
    const { file } = await measuring
    expect(error).toMatchObject({ name: 'SyntaxError', stacks: [{ file, line: 2 }] })
  })

  test('outside of any call, too', async () => {
    const text = `export const x = () => new Promise(() => { setTimeout(() => { throw new Error('stray') }, 1) })`
    const error = await failureOf(measure(text, [{ exportName: 'x' }]))
    expect(error).toMatchObject({ name: 'Error', message: 'stray' })
  })

  test('by several functions, arrives as one error with all of them', async () => {
    const text = `export const a = () => { throw new Error('one') }
      export const b = () => { throw new Error('two') }
      export const c = () => {}`
    const measuring = measure(text, [{ exportName: 'a' }, { exportName: 'b' }, { exportName: 'c' }])
    const error = await failureOf(measuring)
    expect(error).toBeInstanceOf(AggregateError)
    expect(error).toMatchObject({ errors: [{ message: 'one' }, { message: 'two' }] })
  })

  test('cannot steer the terminal', async () => {
    const text = String.raw`export const x = () => {
      const error = new Error('a\u001b[2Jb')
      error.name = 'N\u001b]0;t\u0007'
      throw error
    }`
    const error = await failureOf(measure(text, [{ exportName: 'x' }]))
    expect(error).toMatchObject({ name: 'N', message: 'ab' })
    expect(error).toHaveProperty('stack', expect.not.stringContaining('\u001b'))
  })
})

test('a missing export is an error that lists those that there are', async () => {
  const measuring = measure('export const a = () => {}\nexport const b = 2', [{ exportName: 'c' }])
  const error = await failureOf(measuring)
  const { file } = await measuring
  const shown = path.relative(process.cwd(), file)
  expect(error).toMatchObject({
    name: 'TypeError',
    message: `${shown} has no export 'c', only: a, b`,
  })
  const noFunction = await failureOf(measure('export const b = 2', [{ exportName: 'b' }]))
  expect(noFunction).toMatchObject({
    message: expect.stringMatching(/^export 'b' of .* is no function$/),
  })
})

test('a process that ends early says how, when, and what it printed last', async () => {
  const shown = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  try {
    const text = `let calls = 0
      export function x() { if (++calls === 4) { console.error('the reason'); process.exit(7) } }`
    const error = await failureOf(measure(text, [{ exportName: 'x' }]))
    expect(error).toMatchObject({
      code: 'REMOTE_FAILED',
      message: `the process on m7i.large ${machine.instance.id} ended with exit code 7 while 'x' was measured\nthe reason`,
    })
    expect(shown).toHaveBeenCalledWith('the reason')
  } finally {
    shown.mockRestore()
  }
})

test('a result that the function itself has written is refused', async () => {
  const text = `import fs from 'node:fs'
    export const x = () => { fs.writeSync(4, '{"done":true,"result":{"name":"x"}}\\n') }`
  const error = await failureOf(measure(text, [{ exportName: 'x' }]))
  expect(error).toMatchObject({
    code: 'REMOTE_FAILED',
    message: `m7i.large ${machine.instance.id} sent a result that is none: runtime is undefined`,
  })
})

test('an abort ends the measurement at once, with its reason', async () => {
  const abort = new AbortController()
  const { results } = await measure(
    `export const x = () => new Promise((done) => setTimeout(done, 10))`,
    [{ exportName: 'x' }],
    { options: { time: 60_000 }, signal: abort.signal },
  )
  setTimeout(() => abort.abort(new Error('cancelled')), 300)
  const started = performance.now()
  await expect(results).rejects.toThrow(new Error('cancelled'))
  expect(performance.now() - started).toBeLessThan(10_000)
})
