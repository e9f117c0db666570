import { test } from 'vitest'

test('JSON', async ({ bench }) => {
  await bench('parse', () => {
    JSON.parse('{"a":1}')
  }).run({ time: 100, warmup: false })
})
