import { expect, test } from 'vitest'

import { mergeConfig } from './merge.ts'

const earlier = {
  text: 'a',
  truth: true,
  list: ['x', 'y'],
  map: { one: 1, two: ['p'] },
}
const later = { text: 'b', truth: false, list: ['z'], map: { two: ['q'], three: 3 }, more: null }

// Expectations are what cloud-init 22.4.2 and 25.1.4 make of these two.
test.each([
  ['nothing', undefined, later],
  [
    'lists that grow, and nothing replaced',
    'list(append)+dict(no_replace,recurse_list)+str()',
    {
      text: 'a',
      truth: true,
      list: ['x', 'y', 'z'],
      map: { one: 1, two: ['p', 'q'], three: 3 },
      more: null,
    },
  ],
  [
    'lists that grow at the front, and texts at their end',
    [
      { name: 'list', settings: ['prepend'] },
      { name: 'dict', settings: ['recurse_array', 'recurse_str'] },
      { name: 'str', settings: ['append'] },
    ],
    {
      text: 'ab',
      truth: true,
      list: ['z', 'x', 'y'],
      map: { one: 1, two: ['q', 'p'], three: 3 },
      more: null,
    },
  ],
  [
    'lists that are replaced item by item',
    [['list'], ['dict', 'recurse_list']],
    {
      text: 'a',
      truth: true,
      list: ['z', 'y'],
      map: { one: 1, two: ['q'], three: 3 },
      more: null,
    },
  ],
])('a part that says %s is merged as cloud-init does it', (_, how, expected) => {
  const part = how === undefined ? later : { ...later, merge_how: how }
  expect(mergeConfig(earlier, part)).toEqual(expected)
})

test.each([
  ['dict', 'its merge_how names what cannot be merged'],
  [[['tuple']], 'its merge_how names what cannot be merged'],
  [{ list: 'append' }, 'its merge_how is neither a text nor a list'],
])('merge_how %j is refused', (how, message) => {
  expect(() => mergeConfig(earlier, { ...later, merge_how: how })).toThrowError(message)
})
