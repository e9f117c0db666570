import { expect, test } from 'vitest'

import type { Resource } from './resource.ts'
import { inOrder, Table, tagged } from './table.ts'

interface Thing extends Resource {
  colour: string | undefined
  readonly groups: string[]
}

function thing(
  order: number,
  {
    colour,
    groups = [],
    tags = {},
  }: Partial<Pick<Thing, 'colour' | 'groups'>> & { tags?: Record<string, string> } = {},
): Thing {
  return {
    id: `t-${order}`,
    order,
    visibleFrom: 0,
    tags: new Map(Object.entries(tags)),
    colour,
    groups,
  }
}

function tableOf(...things: Thing[]): Table<Thing> {
  const table = new Table<Thing>('thing-id', {
    colour: (one) => one.colour,
    group: (one) => one.groups,
  })
  for (const one of things) table.set(one.id, one)
  return table
}

function orders(things: Iterable<Thing>): number[] {
  return Array.from(things, ({ order }) => order)
}

test('what was made first comes first, whatever was put in first', () => {
  const table = tableOf(thing(3), thing(1), thing(2))
  expect(orders(table.after(0))).toEqual([1, 2, 3])
  expect(orders(table.after(1))).toEqual([2, 3])
  expect(orders(table.after(3))).toEqual([])
  table.delete('t-2')
  expect(orders(table.after(0))).toEqual([1, 3])
  expect(table.size).toBe(2)
})

test('only the fewest that can be meant are gone through', () => {
  const table = tableOf(
    thing(1, { colour: 'red', groups: ['a'] }),
    thing(2, { colour: 'red', groups: ['a', 'b'] }),
    thing(3, { colour: 'blue', groups: ['b'] }),
  )
  expect(orders(table.after(0, [['colour', ['blue']]]))).toEqual([3])
  expect(
    orders(
      table.after(0, [
        ['colour', ['red']],
        ['group', ['b', 'none']],
      ]),
    ),
  ).toEqual([1, 2])
  expect(orders(table.after(0, [['group', ['b', 'a', 'b']]]))).toEqual([1, 2, 3])
  expect(orders(table.after(0, [['colour', []]]))).toEqual([])
  expect(orders(table.after(1, [['group', ['a', 'b']]]))).toEqual([2, 3])
  expect(orders(table.after(0, [['thing-id', ['t-3', 't-1', 't-1', 't-9']]]))).toEqual([1, 3])
  expect(orders(table.after(1, [['thing-id', ['t-3', 't-1']]]))).toEqual([3])
  // Nothing is filed under its size, so that says nothing.
  expect(orders(table.after(0, [['size', ['1']]]))).toEqual([1, 2, 3])
})

test('it counts what is filed under a value', () => {
  const table = tableOf(thing(1, { colour: 'red' }), thing(2, { colour: 'red' }), thing(3))
  expect([table.count('colour', 'red'), table.count('colour', 'blue')]).toEqual([2, 0])
  table.delete('t-1')
  expect(table.count('colour', 'red')).toBe(1)
  expect(orders(table.filed('colour', 'red'))).toEqual([2])
})

test('tags are found by key and by value, also after a change that was told', () => {
  const one = thing(1, { tags: { a: '1', b: '2' } })
  const table = tableOf(one, thing(2, { tags: { a: '2' } }), thing(3))
  expect(orders(table.after(0, [['tag:a', ['1', '3']]]))).toEqual([1])
  expect(orders(table.after(0, [['tag-key', ['a']]]))).toEqual([1, 2])
  expect(orders(table.after(0, [[tagged, ['']]]))).toEqual([1, 2])
  one.tags.clear()
  one.tags.set('c', '3')
  table.changed(one)
  expect(orders(table.after(0, [['tag:a', ['1']]]))).toEqual([])
  expect(orders(table.after(0, [['tag:c', ['3']]]))).toEqual([1])
  one.tags.clear()
  table.changed(one)
  expect(orders(table.after(0, [[tagged, ['']]]))).toEqual([2])
})

test('a tag and a value that look like another when written together are not it', () => {
  const table = tableOf(thing(1, { tags: { 'a=b': 'c' } }), thing(2, { tags: { a: 'b=c' } }))
  expect(orders(table.after(0, [['tag:a', ['b=c']]]))).toEqual([2])
})

test('a change of what is not there, or not there any more, files nothing', () => {
  const gone = thing(1, { colour: 'red' })
  const table = tableOf(gone)
  table.delete(gone.id)
  table.changed(gone)
  expect(table.count('colour', 'red')).toBe(0)
})

test('one that takes the place of another is found where it belongs', () => {
  const table = tableOf(thing(1, { colour: 'red' }), thing(2))
  const other = thing(1, { colour: 'blue' })
  table.set(other.id, other)
  expect([table.count('colour', 'red'), table.count('colour', 'blue')]).toEqual([0, 1])
  expect(orders(table.after(0))).toEqual([1, 2])
})

test('nothing is left behind when all are gone', () => {
  const table = tableOf(thing(1, { colour: 'red', tags: { a: '1' } }), thing(2))
  table.clear()
  expect([table.size, table.count('colour', 'red'), table.count('tag:a', '1')]).toEqual([0, 0, 0])
  expect(orders(table.after(0))).toEqual([])
})

test('lists in order are one list in order', () => {
  const [a, b, c] = [thing(1), thing(2), thing(3)]
  expect(orders(inOrder([[a, c], [], [a, b], [c]]))).toEqual([1, 2, 3])
  expect(orders(inOrder<Thing>([]))).toEqual([])
})
