import { benchaway } from '@benchaway/vitest-plugin'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [benchaway({ project: 'two-machines', instances: ['m7i.large'] })],
})
