import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { Stopwatch } from './stopwatch.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] }))
afterEach(() => void vi.useRealTimers())

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

test('what overlaps counts once, and pauses do not count', async () => {
  const watch = new Stopwatch()
  const work = async (): Promise<void> => {
    await Promise.all([watch.during(sleep(60)), watch.during(sleep(50))])
    await sleep(1000)
    await watch
      .during(sleep(7))
      .then(() => watch.during(Promise.reject(new Error('failed'))).catch(() => undefined))
    await sleep(1000)
  }
  const done = work()
  await vi.advanceTimersByTimeAsync(2067)
  await done
  expect(watch.total).toBe(67)
})

test('what is still going on counts already', () => {
  const watch = new Stopwatch()
  watch.start()
  vi.advanceTimersByTime(20)
  expect(watch.total).toBe(20)
})
