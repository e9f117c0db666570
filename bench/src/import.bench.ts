import type { Pair } from './paired.ts'
/** What the plugin costs a `vitest.config.ts` that imports it, before any machine is wanted. */
import { runNode } from './run-node.ts'

const cwd = import.meta.dirname
const withPlugin = `import { benchaway } from '@benchaway/vitest-plugin'
benchaway({ project: 'bench', instances: ['m7i.large'] })`
const withEmptyPlugin = `const empty = () => ({ name: 'empty' })
empty()`

const run = (code: string): Promise<number> =>
  runNode(['--input-type=module', '--eval', code], { cwd })

export const pairs: Pair[] = [
  {
    case: 'import the plugin',
    peerName: 'empty plugin',
    rounds: 21,
    goal: (peer) => (peer + 15) / peer,
    ours: () => run(withPlugin),
    peer: () => run(withEmptyPlugin),
  },
]
