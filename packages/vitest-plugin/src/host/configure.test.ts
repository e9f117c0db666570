import { expect, test } from 'vitest'
import { version } from 'vitest/node'

import { assertSupported } from './configure.ts'

test.for(['5.1.0', '5.1.1', '5.1.23', version])('Vitest %s is supported', (given) => {
  expect(() => assertSupported(given)).not.toThrow()
})

test.for(['4.1.2', '5.0.9', '5.2.0', '5.10.0', '6.0.0', '5.1.0-beta.1', '15.1.0'])(
  'Vitest %s is refused by its name',
  (given) => {
    expect(() => assertSupported(given)).toThrow(
      expect.objectContaining({
        code: 'VITEST_UNSUPPORTED',
        message: `benchaway does not know Vitest ${given}`,
        hint: 'Install vitest ~5.1.0, or a version of @benchaway/vitest-plugin that knows yours.',
      }),
    )
  },
)
