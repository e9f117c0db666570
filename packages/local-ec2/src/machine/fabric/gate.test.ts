import { expect, test } from 'vitest'

import { Gate } from './gate.ts'

test('a gate lets so many in, and the next one when somebody leaves', async () => {
  const gate = new Gate(2)
  const inside: number[] = []
  const leaves = [1, 2, 3, 4].map(async (number) => {
    const leave = await gate.enter()
    inside.push(number)
    return leave
  })
  const [first, second] = await Promise.all(leaves.slice(0, 2))
  expect(inside).toEqual([1, 2])
  first?.()
  await leaves[2]
  expect(inside).toEqual([1, 2, 3])
  // Leaving twice makes no second place.
  first?.()
  await Promise.resolve()
  expect(inside).toEqual([1, 2, 3])
  second?.()
  await leaves[3]
  expect(inside).toEqual([1, 2, 3, 4])
})
