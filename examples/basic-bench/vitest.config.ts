import { benchaway } from '@benchaway/vitest-plugin'
import { defineConfig } from 'vitest/config'

const { INSTANCES = 'm7i.large,c7i.large' } = process.env

export default defineConfig({
  plugins: [
    benchaway({
      project: 'basic-bench',
      instances: INSTANCES.split(','),
      files: ['article.md'],
    }),
  ],
})
