import { remote, useInstance } from '@benchaway/vitest-plugin/driver'
import { test } from 'vitest'

import { types } from './types.ts'

// Two machines, one of them idle; both are to be gone however this ends.
useInstance({ type: types[1] })
const on = useInstance({ type: types[0] })

test('never ends', async ({ bench }) => {
  const { NAME = '', HOW = 'spin', SUICIDE } = process.env
  if (SUICIDE !== undefined) process.kill(process.pid, 'SIGKILL')
  await bench('x', remote(import.meta, `./functions.ts#${HOW}`, { on, args: [NAME] })).run()
})
