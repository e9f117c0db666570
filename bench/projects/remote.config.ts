import { benchaway } from '@benchaway/vitest-plugin'
import { defineConfig } from 'vitest/config'

const type = process.arch === 'arm64' ? 'm7g.large' : 'm7i.large'

export default defineConfig({
  plugins: [benchaway({ project: 'bench', target: 'local', instances: [type] })],
})
