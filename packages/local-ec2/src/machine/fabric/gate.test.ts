import { expect, test } from 'vitest'

import { Gate } from './gate.ts'

test('a gate lets so many in, and the next one when somebody leaves', async () => {
  const gate = new Gate(2, 60_000)
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

test('one that never leaves does not lock the others out', async () => {
  const gate = new Gate(1, 20)
  const leave = await gate.enter()
  const next = await gate.enter()
  // Too late, and so not for the second time.
  leave()
  let isInside = false
  const third = gate.enter().then((leaveAgain) => {
    isInside = true
    return leaveAgain
  })
  await Promise.resolve()
  expect(isInside).toBe(false)
  next()
  ;(await third)()
})
