import { useInstance } from '@benchaway/vitest-plugin/driver'
import { afterAll, describe, expect, test } from 'vitest'

import { types } from './types.ts'

const [type] = types

describe('with a failing hook', () => {
  const machine = useInstance({ type })
  afterAll(async () => {
    const { stdout } = await machine.exec('cat /tmp/result')
    throw new Error(`the hook has read '${stdout.trim()}'`)
  })
  test('leaves a result', async () => {
    const { stdout } = await machine.exec('echo 42 | tee /tmp/result')
    expect(stdout).toBe('42\n')
  })
})

describe('after it', () => {
  const machine = useInstance({ type })
  test('there is room for a machine', () => expect(machine.id).toMatch(/^i-/))
})
