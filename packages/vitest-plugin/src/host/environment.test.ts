import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { loadEnv } from 'vite'
import { expect, onTestFinished, test } from 'vitest'

import { configEnvironment, workerEnvironment } from './environment.ts'

test('only what Vitest needs, what Vite calls public and what the user listed goes to a machine', () => {
  const env = {
    VITEST: 'true',
    VITEST_SECRET: 'no',
    NODE_ENV: 'test',
    VITE_API: 'public',
    FORCE_COLOR: '1',
    MINE: 'yes',
    GITHUB_TOKEN: 'no',
    NPM_TOKEN: 'no',
    PATH: '/home/me/bin',
    NODE_OPTIONS: '--inspect',
  }
  expect(workerEnvironment(env, ['MINE'])).toEqual({
    VITEST: 'true',
    NODE_ENV: 'test',
    VITE_API: 'public',
    FORCE_COLOR: '1',
    MINE: 'yes',
  })
})

test('nothing named AWS_ goes, not even when it is listed or configured', () => {
  const env = { AWS_SECRET_ACCESS_KEY: 'x', aws_profile: 'y' }
  expect(workerEnvironment(env, ['AWS_SECRET_ACCESS_KEY', 'aws_profile'])).toEqual({})
  expect(configEnvironment(env, ['AWS_SECRET_ACCESS_KEY'], [], {})).toEqual({})
})

test('test.env goes as written, but not what it copied from this process', () => {
  const process = { GITHUB_TOKEN: 'no', LEVEL: 'info', LISTED: 'yes' }
  const configured = { ...process, LEVEL: 'debug', OWN: '1', DEV: true }
  expect(configEnvironment(configured, ['LISTED'], [], process)).toEqual({
    LISTED: 'yes',
    LEVEL: 'debug',
    OWN: '1',
    DEV: true,
  })
})

test('what loadEnv read from .env files does not go, unless it is listed or public', () => {
  const folder = mkdtempSync(join(tmpdir(), 'benchaway-env-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(
    join(folder, '.env'),
    'BA_TOKEN="no"\nBA_URL=http://u:${BA_TOKEN}@h\nBA_LISTED=yes\n',
  )
  writeFileSync(join(folder, '.env.test.local'), 'BA_LEVEL=info\nVITE_API=public\n')
  const loaded = loadEnv('test', folder, ['BA_', 'VITE_'])
  expect(loaded['BA_URL']).toBe('http://u:no@h')
  const configured = { ...loaded, BA_LEVEL: 'debug', OWN: '1' }
  expect(configEnvironment(configured, ['BA_LISTED'], [folder], {})).toEqual({
    BA_LISTED: 'yes',
    BA_LEVEL: 'debug',
    VITE_API: 'public',
    OWN: '1',
  })
})
