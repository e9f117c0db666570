import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'
import { createVitest, type Vitest } from 'vitest/node'

import { Mediator } from './mediator.ts'
import type { RpcAnswer, RpcCall } from './messages.ts'

let root = ''
let vitest: Vitest
beforeAll(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'benchaway-mediator-')))
  writeFileSync(join(root, '.env'), 'TOP=SECRET')
  vitest = await createVitest({ root, config: false, watch: false })
})
afterAll(async () => {
  await vitest.close()
  rmSync(root, { recursive: true })
})

function mediate(): { calls: RpcCall[]; answers: RpcAnswer[]; refused: string[]; it: Mediator } {
  const calls: RpcCall[] = []
  const answers: RpcAnswer[] = []
  const refused: string[] = []
  const it = new Mediator({
    project: vitest.getRootProject(),
    acrossMachines: false,
    toVitest: (call) => calls.push(call),
    toWorker: (answer) => answers.push(answer),
    sendPackages: () => Promise.resolve(),
    onRefusal: (words) => refused.push(words),
  })
  return { calls, answers, refused, it }
}

test('an id of an open call does not make the answer to it go unchecked', async () => {
  const { calls, answers, refused, it } = mediate()
  it.call({ t: 'q', i: '1', m: 'fetch', a: ['virtual:x'] })
  it.call({ t: 'q', i: '1', m: 'onCollected', a: [] })
  expect(calls.map(({ m }) => m)).toEqual(['fetch'])
  expect(refused).toEqual(["a call of 'onCollected' came with an id that is in use"])
  await it.answer({ t: 's', i: '1', r: { file: join(root, '.env'), code: 'SECRET' } })
  await it.answer({ t: 's', i: '1', r: 'unasked' })
  expect(answers).toEqual([{ t: 's', i: '1', e: expect.any(Error) }])
  it.call({ t: 'q', i: '1', m: 'onCollected', a: [] })
  expect(calls).toHaveLength(2)
})

test('an id that is no text or belongs to the pool is refused', () => {
  const { calls, refused, it } = mediate()
  const odd: RpcCall = JSON.parse('{"t":"q","i":1,"m":"fetch","a":["virtual:x"]}')
  it.call(odd)
  it.call({ t: 'q', i: 'benchaway 1', m: 'onCollected', a: [] })
  expect(calls).toEqual([])
  expect(refused).toHaveLength(2)
})

test('the import graph of a secret file is not asked for', () => {
  const { answers, refused, it } = mediate()
  it.call({ t: 'q', i: '1', m: 'fetchWarmModules', a: ['ssr', [join(root, '.env')]] })
  expect(refused).toEqual([expect.stringContaining('secret')])
  expect(answers).toEqual([{ t: 's', i: '1', e: expect.any(Error) }])
})
