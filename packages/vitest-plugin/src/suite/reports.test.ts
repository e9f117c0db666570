import { Bench } from 'tinybench'
import { describe, expect, test } from 'vitest'

import { encodeLine } from '../wire/lines.ts'
import { Reports } from './reports.ts'

/** What tinybench really measured, as it comes out of the wire. */
async function measured(retainSamples = false) {
  const bench = new Bench({ time: 1, iterations: 20, warmup: false, retainSamples })
  bench.add('noop', () => undefined)
  const [task] = await bench.run()
  if (task?.result.state !== 'completed') throw new Error('nothing was measured')
  return { ...task.result, name: 'noop' }
}

function overTheWire(message: unknown): unknown {
  return JSON.parse(encodeLine(message))
}

function samplesLine(of: string, numbers: readonly number[] = []): unknown {
  const bytes = Buffer.from(Float64Array.from(numbers).buffer)
  return { samples: bytes.toString('base64'), of, bench: 'noop' }
}

test('every number of a result arrives as it was measured', async () => {
  const result = await measured()
  const reports = new Reports(['noop'], [])
  reports.take({ started: 'noop' })
  expect(reports.current).toBe('noop')
  reports.take(overTheWire({ result }))
  reports.take({ done: true })
  expect(reports.done).toBe(true)
  expect(reports.results()).toEqual([result])
})

test('an infinite margin of error, which a mean of zero has, arrives as it is', async () => {
  const result = await measured()
  const latency = { ...result.latency, mean: 0, rme: Infinity }
  const reports = new Reports(['noop'], [])
  reports.take(overTheWire({ result: { ...result, latency } }))
  expect(reports.results()[0]?.latency).toMatchObject({ mean: 0, rme: Infinity })
})

test('samples come in pieces and are put together', async () => {
  const result = await measured(true)
  const reports = new Reports(['noop'], ['noop'])
  for (const of of ['latency', 'throughput'] as const) {
    const { samples = [] } = result[of]
    expect(samples.length).toBeGreaterThan(10)
    reports.take(samplesLine(of, samples.slice(0, 7)))
    reports.take(samplesLine(of, samples.slice(7)))
  }
  reports.take(overTheWire({ result }))
  expect(reports.results()).toEqual([result])
})

describe('a machine that lies is found out', () => {
  test.for<[string, (result: Awaited<ReturnType<typeof measured>>) => unknown, string]>([
    ['a list', () => [], 'a message is no object'],
    ['nothing known', () => ({ hello: 1 }), 'a message is of no known kind'],
    [
      'another name',
      (result) => ({ result: { ...result, name: 'x\u001b[2J' } }),
      "no benchmark is called 'x'",
    ],
    ['no statistics', (result) => ({ result: { ...result, latency: 3 } }), 'latency is no object'],
    [
      'text for a number',
      (result) => ({ result: { ...result, latency: { ...result.latency, p99: '3' } } }),
      'latency.p99 is no number',
    ],
    [
      'a mean that is none',
      (result) => ({
        result: { ...result, throughput: { ...result.throughput, mean: Number.NaN } },
      }),
      'throughput.mean is not finite',
    ],
    [
      'a negative time',
      (result) => ({ result: { ...result, totalTime: -1 } }),
      'totalTime is no duration',
    ],
    ['another runtime', (result) => ({ result: { ...result, runtime: 'bun' } }), 'runtime is bun'],
    ['samples unasked', () => samplesLine('latency', [1]), 'samples came that nobody asked for'],
  ])('%s', async ([, make, message]) => {
    const line = overTheWire(make(await measured()))
    expect(() => new Reports(['noop'], []).take(line)).toThrow(new TypeError(message))
  })

  test('samples that are fewer than counted, out of order or no numbers', async () => {
    const result = await measured(true)
    const one = new Reports(['noop'], ['noop'])
    one.take(samplesLine('latency', [1, 2]))
    one.take(overTheWire({ result }))
    expect(() => one.results()).toThrow(
      new TypeError("the latency samples of 'noop' are not complete and sorted"),
    )
    const two = new Reports(['noop'], ['noop'])
    expect(() => two.take(samplesLine('latency', [Number.NaN]))).toThrow(
      new TypeError('a sample is no number'),
    )
  })

  test('two results, or none, for one benchmark', async () => {
    const line = overTheWire({ result: await measured() })
    const reports = new Reports(['noop', 'other'], [])
    reports.take(line)
    expect(() => reports.take(line)).toThrow(new TypeError("'noop' has two results"))
    expect(() => reports.results()).toThrow(new TypeError("there is no result for 'other'"))
  })

  test('an error nested without end is cut', () => {
    const reports = new Reports(['noop'], [])
    let failed: object = { name: 'Error', message: 'deepest', stack: '' }
    for (let depth = 0; depth < 100; depth++)
      failed = { name: 'Error', message: 'm', cause: failed }
    reports.take({ failed })
    expect(JSON.stringify(reports.failures[0]).match(/cause/g)).toHaveLength(4)
  })

  test('failures without end', () => {
    const reports = new Reports(['noop'], [])
    expect(() => {
      for (let count = 0; count < 100; count++) reports.take({ failed: {} })
    }).toThrow(new TypeError('too many failures'))
  })
})
