import { setTimeout as sleep } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { Stopwatch } from './stopwatch.ts'

test('what overlaps counts once, and pauses do not count', async () => {
  const watch = new Stopwatch()
  await Promise.all([watch.during(sleep(60)), watch.during(sleep(60))])
  await sleep(60)
  await watch
    .during(sleep(60))
    .then(() => watch.during(Promise.reject(new Error('failed'))).catch(() => undefined))
  expect(watch.total).toBeGreaterThan(110)
  expect(watch.total).toBeLessThan(170)
})

test('what is still going on counts already', async () => {
  const watch = new Stopwatch()
  watch.start()
  await sleep(20)
  expect(watch.total).toBeGreaterThan(15)
})
