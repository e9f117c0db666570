import type { World } from './world.ts'

/** EC2's times have no fractions. */
export function thisSecond(world: World): Date {
  return new Date(Math.floor(world.now() / 1000) * 1000)
}
