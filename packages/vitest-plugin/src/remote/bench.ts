/**
 * Measures exported functions on the machine. It is bundled with them and with tinybench (`suite/bundle.ts`); the job
 * comes in on file descriptor 3, reports go out on 4. 1 and 2 stay free for the functions themselves.
 *
 * The bundle loads this file before the user's modules, so that their failures have somewhere to go.
 */
import net from 'node:net'

import { Bench, type FnOptions, type Task } from 'tinybench'

import { FrameReader } from '../wire/frames.ts'
import { encodeLine } from '../wire/lines.ts'
import {
  hookNames,
  type Job,
  type JobBench,
  maxDepth,
  maxText,
  type RemoteFailure,
  type Report,
  samplesInLine,
} from '../wire/result.ts'

type Module = Readonly<Record<string, unknown>>
type AnyFunction = (this: unknown, ...args: unknown[]) => void | Promise<void>

const exit = process.exit.bind(process)
const input = new net.Socket({ fd: 3, readable: true, writable: false })
const output = new net.Socket({ fd: 4, readable: false, writable: true })

// When the channel closes nobody is left to report to.
for (const event of ['end', 'close', 'error']) input.on(event, () => exit(81))
output.on('error', () => exit(82))
// Also what a module throws while it loads, and what nobody catches while benchmarks run.
process.on('uncaughtException', (error) => {
  say({ failed: failureOf(error) })
  leave(1)
})

const job = new Promise<Job>((resolve) => {
  const reader = new FrameReader()
  input.on('data', (chunk: Buffer) => {
    for (const message of reader.push(chunk)) {
      if (isJob(message)) resolve(message)
    }
  })
})

/**
 * Runs the job and ends the process.
 *
 * @param modules by the keys that the job uses
 */
export async function measure(modules: Readonly<Record<string, Module>>): Promise<void> {
  const { benches, options } = await job
  const bench = new Bench(options)
  for (const one of benches) {
    const find = (name: string): AnyFunction => functionOf(modules, one.module, name)
    bench.add(one.name, callOf(find(one.exportName), one.args), optionsOf(one, find))
  }
  for (const task of bench.tasks) {
    task.addEventListener('start', () => say({ started: task.name }))
  }
  await bench.run()
  for (const task of bench.tasks) report(task)
  say({ done: true })
  // Not before all is said; and a connection that a module keeps open would hold the process for ever.
  leave(0)
}

function report({ name, result }: Task): void {
  if (result.state === 'errored') return say({ failed: failureOf(result.error), bench: name })
  if (result.state !== 'completed') {
    return say({
      failed: failureOf(new Error(`it did not complete: ${result.state}`)),
      bench: name,
    })
  }
  const { latency, throughput, period, totalTime } = result
  const { runtime, runtimeVersion, timestampProviderName } = result
  for (const [of, { samples = [] }] of Object.entries({ latency, throughput })) {
    for (let from = 0; from < samples.length; from += samplesInLine) {
      const bytes = Buffer.from(Float64Array.from(samples.slice(from, from + samplesInLine)).buffer)
      say({
        samples: bytes.toString('base64'),
        of: of === 'latency' ? 'latency' : 'throughput',
        bench: name,
      })
    }
  }
  say({
    result: {
      name,
      latency: { ...latency, samples: undefined },
      throughput: { ...throughput, samples: undefined },
      period,
      totalTime,
      runtime,
      runtimeVersion,
      timestampProviderName,
    },
  })
}

// Spreading an array costs time that would be measured; one or two arguments are what there mostly is.
function callOf(fn: AnyFunction, args: readonly unknown[]): () => unknown {
  const [first, second] = args
  if (args.length === 0) return fn
  if (args.length === 1) return () => fn(first)
  if (args.length === 2) return () => fn(first, second)
  return () => fn(...args)
}

function optionsOf(
  { hooks, args, options, exportName }: JobBench,
  find: (name: string) => AnyFunction,
): FnOptions {
  const all: FnOptions = { ...options }
  // Behind an arrow function tinybench no longer sees this, and would call the function once to find out.
  if (args.length > 0 && isAsync(find(exportName))) all.async ??= true
  for (const hook of hookNames) {
    const name = hooks[hook]
    if (name === undefined) continue
    const fn = find(name)
    all[hook] = function hookWithArguments(this: Task) {
      return fn.apply(this, [...args])
    }
  }
  return all
}

function functionOf(
  modules: Readonly<Record<string, Module>>,
  path: string,
  name: string,
): AnyFunction {
  const module = modules[path] ?? {}
  const found = module[name]
  if (isFunction(found)) return found
  throw new TypeError(
    found === undefined
      ? `${path} has no export '${name}', only: ${Object.keys(module).join(', ') || 'none'}`
      : `export '${name}' of ${path} is no function`,
  )
}

function isFunction(value: unknown): value is AnyFunction {
  return typeof value === 'function'
}

function isAsync(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object AsyncFunction]'
}

// The host is trusted: what it sends has been checked there.
function isJob(message: unknown): message is Job {
  return typeof message === 'object' && message !== null && 'benches' in message
}

function failureOf(error: unknown, depth = 0): RemoteFailure {
  if (!(error instanceof Error)) {
    return { name: 'Error', message: `${String(error)} was thrown`.slice(0, maxText), stack: '' }
  }
  const { name, message, stack = '', cause } = error
  const code: unknown = 'code' in error ? error.code : undefined
  const errors: unknown = 'errors' in error ? error.errors : undefined
  const deeper = depth < maxDepth
  return {
    name,
    message: message.slice(0, maxText),
    stack: stack.slice(0, maxText),
    code: typeof code === 'string' || typeof code === 'number' ? code : undefined,
    cause: deeper && cause instanceof Error ? failureOf(cause, depth + 1) : undefined,
    errors:
      deeper && Array.isArray(errors)
        ? errors.slice(0, 20).map((one: unknown) => failureOf(one, depth + 1))
        : undefined,
  }
}

function say(line: Report): void {
  output.write(encodeLine(line))
}

function leave(code: number): void {
  output.end(() => exit(code))
}
