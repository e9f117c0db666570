import { benchaway } from '@benchaway/vitest-plugin'
import { defineConfig } from 'vitest/config'

import { types } from './types.ts'

export default defineConfig({
  // Our packages as they lie in the repository, without a build.
  ssr: { resolve: { conditions: ['dev'] } },
  plugins: [
    benchaway({
      project: 'driver-tests',
      target: 'local',
      instances: [types[0]],
      maxInstances: Number(process.env['MOST'] ?? 8),
    }),
  ],
})
