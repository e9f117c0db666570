/**
 * Random trees are pushed and pulled back. `BENCHAWAY_TREES=1000 vitest run --project e2e round-trip` tries that many,
 * `BENCHAWAY_TREE_SEED` says where to begin: a failure prints the seed of its tree.
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { type Connection, connect } from '../../src/ssh/connection.ts'
import { pull } from '../../src/ssh/transfer/pull.ts'
import { push } from '../../src/ssh/transfer/push.ts'
import { type Sshd, startSshd } from '../sshd.ts'
import { plantTree } from './random-trees.ts'
import { leaves } from './trees.ts'

const trees = Number(process.env['BENCHAWAY_TREES'] ?? 20)
const firstSeed = Number(process.env['BENCHAWAY_TREE_SEED'] ?? Math.floor(Math.random() * 1e6))

let sshd: Sshd
let connection: Connection
beforeAll(async () => {
  sshd = await startSshd()
  connection = await connect(sshd.target)
})
afterAll(async () => {
  connection.close()
  await sshd[Symbol.asyncDispose]()
})

/** What a pull keeps: times to the microsecond; set-id and sticky bits and writing by others stay there. */
function kept(folder: string): [string, object][] {
  return [...leaves(folder)].map(([name, { type, mode, mtimeNs, content }]) => [
    Buffer.from(name, 'latin1').toString('base64url'),
    { type, mode: type === 'link' ? 0 : mode & 0o755, micros: mtimeNs / 1000n, content },
  ])
}

async function expectRoundTrip(seed: number): Promise<void> {
  const folder = fs.mkdtempSync(path.join(sshd.folder, 'trip-'))
  const [planted, far, near] = ['planted', 'far', 'near'].map((name) =>
    path.join(folder, name),
  ) as [string, string, string]
  plantTree(planted, seed)
  const wanted = kept(planted)
  const files = [...leaves(planted).values()].filter(({ type }) => type !== 'folder').length
  // The contents are compared as well, and come by list, in every other one.
  const checksum = seed % 2 === 1
  await push(connection, planted, far)
  expect(await pull(connection, far, near, { checksum }), `seed ${seed}`).toMatchObject({
    files,
    refused: [],
  })
  expect(kept(near), `seed ${seed}`).toEqual(wanted)
  expect(await pull(connection, far, near), `seed ${seed}`).toMatchObject({
    files: 0,
    skipped: files,
  })
  expect(await push(connection, planted, far), `seed ${seed}`).toMatchObject({
    files: 0,
    skipped: files,
  })
  expect(fs.readdirSync(folder), `seed ${seed}`).toEqual(['far', 'near', 'planted'])
  execFileSync('chmod', ['-R', 'u+rwx', folder])
  fs.rmSync(folder, { recursive: true })
}

test(
  `${trees} random trees from seed ${firstSeed} on come back as they were, and are not sent again`,
  { timeout: trees * 3000 },
  async () => {
    for (let tree = 0; tree < trees; tree++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, for the seed
      await expectRoundTrip(firstSeed + tree)
    }
  },
)
