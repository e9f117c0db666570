import { homedir } from 'node:os'

import { expect, test } from 'vitest'

import { cacheFolder } from './cache.ts'

test.each([undefined, '', 'relative/path'])('XDG_CACHE_HOME=%j means the home folder', (given) => {
  expect(cacheFolder({ XDG_CACHE_HOME: given })).toBe(`${homedir()}/.cache/benchaway`)
})

test('an absolute XDG_CACHE_HOME is used', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: '/var/tmp/cache' })).toBe('/var/tmp/cache/benchaway')
})
