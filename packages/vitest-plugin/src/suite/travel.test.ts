import { describe, expect, test } from 'vitest'

import { PluginError } from '../errors.ts'
import { instanceHandle } from './instance.ts'
import { assertTravels } from './travel.ts'

class Point {
  readonly x = 1
}

function refusal(value: unknown): string | undefined {
  try {
    assertTravels(value, 'args')
    return undefined
  } catch (error) {
    if (!(error instanceof PluginError) || error.code !== 'REMOTE_INVALID') throw error
    return error.message.replace(', which cannot go to a machine', '')
  }
}

test('everything that a structured clone keeps may travel, cycles too', () => {
  const cycle: Record<string, unknown> = { list: [1, 'two', 3n, null, undefined, Infinity] }
  cycle['self'] = cycle
  const plain = [
    cycle,
    new Map([[{ a: 1 }, new Set([new Date(0)])]]),
    /x/g,
    new Uint8Array(3),
    Buffer.from('bytes'),
    new ArrayBuffer(2),
    Object.create(null),
  ]
  expect(refusal(plain)).toBeUndefined()
  structuredClone(plain)
})

describe('what would arrive as something else is refused, and its place named', () => {
  test.for<[string, unknown, string]>([
    ['a function', [1, { deep: [() => 1] }], 'args[1].deep[0] is a function'],
    ['a symbol', { key: Symbol.iterator }, 'args.key is a symbol'],
    ['an instance of a class', [new Point()], 'args[0] is an instance of Point'],
    ['a promise', [Promise.resolve(1)], 'args[0] is an instance of Promise'],
    ['an error', [new Error('no')], 'args[0] is an instance of Error'],
    ['in a map', new Map([['a', () => 1]]), 'args.get(a) is a function'],
    ['as the key of a map', new Map([[new Point(), 1]]), 'args.keys() is an instance of Point'],
    ['in a set', new Set([new Point()]), 'args.values() is an instance of Point'],
  ])('%s', ([, value, message]) => {
    expect(refusal(value)).toBe(message)
  })

  test('a machine, even one that is not up', () => {
    const handle = instanceHandle(() => {
      throw new Error('it was looked at')
    })
    expect(refusal([handle])).toBe('args[0] is what useInstance() returned')
  })
})
