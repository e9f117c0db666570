/** Which links can be asked for; what they then do is seen in `machine/link.test.ts` and `heavy/link.test.ts`. */
import { TerminateInstancesCommand } from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type LinkConditions, LocalEc2Error, type LocalEc2, startLocalEc2 } from '../src/index.ts'
import { serve } from '../src/server.ts'
import { ec2Client, run } from './clients.ts'
import { ScriptedHost } from './scripted-host.ts'

let host: ScriptedHost
let local: LocalEc2
beforeEach(async () => {
  host = new ScriptedHost()
  local = await serve(host)
})
afterEach(() => local.close())

async function launch(endpoint = local): Promise<string> {
  const [instance] = await run(ec2Client(endpoint))
  return instance?.InstanceId ?? ''
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  const error: unknown = await work.catch((thrown: unknown) => thrown)
  if (!(error instanceof LocalEc2Error)) throw new Error(`not refused: ${String(error)}`)
  const { code, message, hint } = error
  return { code, message, hint }
}

test('conditions reach the machine of the instance that was named, and no other', async () => {
  const id = await launch()
  const { latest } = host
  await launch()
  const conditions = { roundTripMs: 0.5, lossRate: 0.25, cut: 'in', seed: -3 } as const
  await local.link(id, conditions)
  await local.link(id, {})
  expect(latest.links).toEqual([conditions, {}])
  expect(host.latest.links).toEqual([])
})

const wrong: readonly (readonly [given: unknown, message: string, hint?: string])[] = [
  [{ roundTrip: 5 }, 'a link has no condition roundTrip', 'Did you mean roundTripMs?'],
  [{ colour: 5 }, 'a link has no condition colour', 'There are: roundTripMs, lossRate, cut, seed.'],
  [{ roundTripMs: -1 }, 'roundTripMs must be a number from 0 to 60000, not -1'],
  [{ roundTripMs: 60_001 }, 'roundTripMs must be a number from 0 to 60000, not 60001'],
  [{ roundTripMs: Number.NaN }, 'roundTripMs must be a number from 0 to 60000, not NaN'],
  [{ roundTripMs: '5' }, 'roundTripMs must be a number from 0 to 60000, not "5"'],
  [{ lossRate: 1.01 }, 'lossRate must be a number from 0 to 1, not 1.01'],
  [{ cut: 'off' }, 'cut must be one of both, in, out, not "off"'],
  [{ seed: 0.5 }, 'seed must be a whole number, not 0.5'],
  [null, 'the conditions of a link must be an object'],
  [[], 'the conditions of a link must be an object'],
]
test.each(wrong)('%j are no conditions: %s', async (given, message, hint) => {
  const id = await launch()
  const refused = await errorOf(local.link(id, given as LinkConditions))
  expect(refused).toEqual({ code: 'LINK_INVALID', message, hint })
  expect(host.latest.links).toEqual([])
})

test('an instance that is not there, or is off, has no link', async () => {
  expect(await errorOf(local.link('i-0123456789abcdef0', {}))).toEqual({
    code: 'LINK_INVALID',
    message: 'there is no instance i-0123456789abcdef0',
    hint: undefined,
  })
  const id = await launch()
  await ec2Client(local).send(new TerminateInstancesCommand({ InstanceIds: [id] }))
  host.latest.end({ reason: 'unplugged' })
  await expect
    .poll(() => errorOf(local.link(id, {})))
    .toEqual({
      code: 'LINK_INVALID',
      message: `instance ${id} is terminated: it has no link`,
      hint: undefined,
    })
})

test('a machine that does not boot has no link', async () => {
  await using none = await startLocalEc2({ machine: 'none' })
  expect(await errorOf(none.link(await launch(none), { roundTripMs: 1 }))).toEqual({
    code: 'MACHINE_UNAVAILABLE',
    message: "machines of kind 'none' have no link",
    hint: 'Start the endpoint with another kind of machine.',
  })
})
