import type { BenchResult } from 'vitest'

import { cleanText } from '../host/terminal.ts'
import { isRecord } from '../wire/lines.ts'
import { readFailure, readResult, readSamples, type RemoteFailure } from '../wire/result.ts'

type SampleKind = 'latency' | 'throughput'
type Samples = NonNullable<BenchResult['latency']['samples']>

// A second of the fastest function makes 10 million; what is kept is sent on to the main process as well.
const maxSamples = 50_000_000

/** What a machine has said of a job so far. It is checked here: a machine runs other people's code. */
export class Reports {
  readonly #names: ReadonlySet<string>
  readonly #sampled: ReadonlySet<string>
  readonly #results = new Map<string, BenchResult>()
  readonly #samples = new Map<string, number[]>()
  readonly failures: RemoteFailure[] = []
  /** The benchmark that is being measured. */
  current: string | undefined
  done = false
  #sampleCount = 0

  /**
   * @param names of the benchmarks of the job
   * @param sampled names of those whose samples were asked for
   */
  constructor(names: readonly string[], sampled: readonly string[]) {
    this.#names = new Set(names)
    this.#sampled = new Set(sampled)
  }

  /** @throws {TypeError} when the message is not one that an honest machine sends */
  take(message: unknown): void {
    if (!isRecord(message)) throw new TypeError('a message is no object')
    if (message['started'] !== undefined) {
      this.current = this.#known(message['started'])
    } else if (message['samples'] !== undefined) {
      this.#takeSamples(message)
    } else if (message['result'] !== undefined) {
      this.#takeResult(message['result'])
    } else if (message['failed'] !== undefined) {
      this.failures.push(readFailure(message['failed']))
      if (this.failures.length > this.#names.size + 1) throw new TypeError('too many failures')
    } else if (message['done'] === true) {
      this.done = true
    } else {
      throw new TypeError('a message is of no known kind')
    }
  }

  /**
   * One result for each benchmark, in the order of the job.
   *
   * @throws {TypeError} when one is missing or incomplete
   */
  results(): BenchResult[] {
    return [...this.#names].map((name) => {
      const result = this.#results.get(name)
      if (result === undefined) throw new TypeError(`there is no result for '${name}'`)
      if (!this.#sampled.has(name)) return result
      const { latency, throughput } = result
      return {
        ...result,
        latency: { ...latency, samples: this.#sorted(name, 'latency', latency.samplesCount) },
        throughput: {
          ...throughput,
          samples: this.#sorted(name, 'throughput', throughput.samplesCount),
        },
      }
    })
  }

  #sorted(name: string, of: SampleKind, count: number): Samples {
    const samples = this.#samplesOf(name, of)
    if (samples.length === count && isSorted(samples)) return samples
    throw new TypeError(`the ${of} samples of '${name}' are not complete and sorted`)
  }

  #known(name: unknown): string {
    if (typeof name === 'string' && this.#names.has(name)) return name
    throw new TypeError(`no benchmark is called '${cleanText(String(name)).slice(0, 100)}'`)
  }

  #takeResult(value: unknown): void {
    const result = readResult(value)
    const name = this.#known(result.name)
    if (this.#results.has(name)) throw new TypeError(`'${name}' has two results`)
    this.#results.set(name, {
      ...result,
      runtimeVersion: cleanText(result.runtimeVersion),
      timestampProviderName: cleanText(result.timestampProviderName),
    })
  }

  #takeSamples({ samples, of, bench }: Readonly<Record<string, unknown>>): void {
    const name = this.#known(bench)
    if (!this.#sampled.has(name)) throw new TypeError('samples came that nobody asked for')
    if (of !== 'latency' && of !== 'throughput') throw new TypeError('samples of an unknown kind')
    const chunk = readSamples(samples)
    this.#sampleCount += chunk.length
    if (this.#sampleCount > maxSamples) throw new TypeError(`more than ${maxSamples} samples came`)
    const all = this.#samplesOf(name, of)
    for (const one of chunk) all.push(one)
  }

  #samplesOf(name: string, of: SampleKind): number[] {
    const key = `${of} ${name}`
    const samples = this.#samples.get(key) ?? []
    this.#samples.set(key, samples)
    return samples
  }
}

function isSorted(samples: number[]): samples is Samples {
  return samples.every((one, index) => index === 0 || one >= (samples[index - 1] ?? one))
}
