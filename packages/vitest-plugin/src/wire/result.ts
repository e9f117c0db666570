/**
 * What goes to a machine for a group of benchmarks, and what comes back.
 *
 * The job goes out as one frame with a structured clone, so that arguments keep their types. The machine is not
 * trusted, so what it says comes back as lines of JSON, of which every field is checked.
 */
import type { BenchResult } from 'vitest'

import { isRecord } from './lines.ts'

/** One benchmark: a function of one of the bundled modules. */
export interface JobBench {
  readonly name: string
  /** Key of the module in the bundle. */
  readonly module: string
  readonly exportName: string
  readonly args: readonly unknown[]
  /** Names of exports of the same module. */
  readonly hooks: Readonly<Partial<Record<HookName, string>>>
  /** Options of tinybench for this benchmark alone. */
  readonly options: Readonly<Record<string, unknown>>
}

export interface Job {
  readonly benches: readonly JobBench[]
  /** Options of tinybench. */
  readonly options: Readonly<Record<string, unknown>>
}

export type HookName = 'beforeAll' | 'afterAll' | 'beforeEach' | 'afterEach'
export const hookNames: readonly HookName[] = ['beforeAll', 'afterAll', 'beforeEach', 'afterEach']

/** What a machine says, one line each; the last is `done`. */
export type Report =
  | { readonly started: string }
  | { readonly samples: string; readonly of: 'latency' | 'throughput'; readonly bench: string }
  | { readonly result: Omit<BenchResult, 'state'> }
  /** Without a name when it was not one of the benchmarks that failed. */
  | { readonly failed: RemoteFailure; readonly bench?: string | undefined }
  | { readonly done: true }

/** An error on its way from a machine. */
export interface RemoteFailure {
  readonly name: string
  readonly message: string
  /** Positions are those of the bundle. */
  readonly stack: string
  readonly code?: string | number | undefined
  readonly cause?: RemoteFailure | undefined
  /** Of an AggregateError. */
  readonly errors?: readonly RemoteFailure[] | undefined
}

/** How many samples go into one line: 192 KiB of them are 256 KiB of text. */
export const samplesInLine = 24_576
/** A line is a chunk of samples, or a result, or an error with its causes. */
export const maxReportLine: number = 1024 * 1024
export const maxText = 65_536
export const maxDepth = 4

type Statistics = BenchResult['latency']

const statistics = [
  'aad',
  'critical',
  'df',
  'mad',
  'max',
  'mean',
  'min',
  'moe',
  'p50',
  'p75',
  'p99',
  'p995',
  'p999',
  'rme',
  'samplesCount',
  'sd',
  'sem',
  'variance',
] as const satisfies (keyof Statistics)[]

/**
 * Reads a result; samples come apart from it.
 *
 * @throws {TypeError} that names the field which is not what tinybench measures
 */
export function readResult(value: unknown): BenchResult {
  if (!isRecord(value)) throw new TypeError('it is no object')
  const { runtime } = value
  // The far end is the Node that we have put there.
  if (runtime !== 'node') throw new TypeError(`runtime is ${String(runtime)}`)
  return {
    state: 'completed',
    runtime,
    name: readText(value, 'name'),
    runtimeVersion: readText(value, 'runtimeVersion'),
    timestampProviderName: readText(value, 'timestampProviderName'),
    latency: readStatistics(value, 'latency'),
    throughput: readStatistics(value, 'throughput'),
    period: readDuration(value, 'period'),
    totalTime: readDuration(value, 'totalTime'),
  }
}

/** Reads an error; what is too long or too deep is cut. */
export function readFailure(value: unknown, depth = 0): RemoteFailure {
  if (!isRecord(value)) return { name: 'Error', message: 'no error was named', stack: '' }
  const { code, cause, errors } = value
  const deeper = depth < maxDepth
  return {
    name: textOr(value['name'], 'Error'),
    message: textOr(value['message'], ''),
    stack: textOr(value['stack'], ''),
    code: typeof code === 'number' ? code : textOr(code, undefined),
    cause: deeper && isRecord(cause) ? readFailure(cause, depth + 1) : undefined,
    errors:
      deeper && Array.isArray(errors)
        ? errors.slice(0, 20).map((one) => readFailure(one, depth + 1))
        : undefined,
  }
}

/**
 * Reads a chunk of samples.
 *
 * @throws {TypeError} when they are no numbers
 */
export function readSamples(value: unknown): number[] {
  if (typeof value !== 'string') throw new TypeError('samples are no text')
  const bytes = Buffer.from(value, 'base64')
  const samples = Array.from({ length: Math.floor(bytes.length / 8) }, (_, index) =>
    bytes.readDoubleLE(index * 8),
  )
  if (!samples.every(Number.isFinite)) throw new TypeError('a sample is no number')
  return samples
}

function readStatistics(from: Readonly<Record<string, unknown>>, key: string): Statistics {
  const value = from[key]
  if (!isRecord(value)) throw new TypeError(`${key} is no object`)
  const read = (name: (typeof statistics)[number]): number => {
    const number = readNumber(value[name])
    if (number === undefined) throw new TypeError(`${key}.${name} is no number`)
    return number
  }
  if (!(read('samplesCount') >= 1)) throw new TypeError(`${key}.samplesCount is not positive`)
  if (!Number.isFinite(read('mean'))) throw new TypeError(`${key}.mean is not finite`)
  return {
    aad: read('aad'),
    critical: read('critical'),
    df: read('df'),
    mad: read('mad'),
    max: read('max'),
    mean: read('mean'),
    min: read('min'),
    moe: read('moe'),
    p50: read('p50'),
    p75: read('p75'),
    p99: read('p99'),
    p995: read('p995'),
    p999: read('p999'),
    rme: read('rme'),
    samples: undefined,
    samplesCount: read('samplesCount'),
    sd: read('sd'),
    sem: read('sem'),
    variance: read('variance'),
  }
}

function readNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return value === 'Infinity' || value === '-Infinity' || value === 'NaN'
    ? Number(value)
    : undefined
}

function readDuration(from: Readonly<Record<string, unknown>>, key: string): number {
  const value = from[key]
  if (typeof value === 'number' && value >= 0) return value
  throw new TypeError(`${key} is no duration`)
}

function readText(from: Readonly<Record<string, unknown>>, key: string): string {
  const value = from[key]
  if (typeof value === 'string' && value.length <= maxText) return value
  throw new TypeError(`${key} is no text`)
}

function textOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === 'string' ? value.slice(0, maxText) : otherwise
}
