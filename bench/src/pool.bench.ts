/** What a whole run costs on a machine that is launched for it, beside Vitest alone: from spawn to exit. */
import { createRequire } from 'node:module'
import path from 'node:path'

import type { Pair } from './paired.ts'
import { runNode } from './run-node.ts'

const cwd = path.join(import.meta.dirname, '..', 'projects')
const vitest = path.join(
  path.dirname(createRequire(import.meta.url).resolve('vitest/package.json')),
  'vitest.mjs',
)

const run = (config: string): Promise<number> =>
  runNode([vitest, 'bench', '--run', '--config', config], { cwd })

export const pairs: Pair[] = [
  {
    case: 'one trivial bench file, spawn to exit',
    peerName: 'vitest bench alone',
    rounds: 7,
    goal: 3,
    ours: () => run('remote.config.ts'),
    peer: () => run('local.config.ts'),
  },
]
