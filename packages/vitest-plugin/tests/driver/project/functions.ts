import { once } from 'node:events'
import { hostname } from 'node:os'

interface Where {
  readonly type: string
}

export function sum(upTo: number): number {
  let total = 0
  for (let one = 0; one <= upTo; one++) total += one
  return total
}

export function fail(where: Where): never {
  throw new RangeError(`not on a ${where.type}`)
}

export function sayHost(): void {
  console.log(`measured on ${hostname()} \u001B[2Jby user ${process.getuid?.()}`)
}

/** Takes a name by which the process can be found, and never comes back. */
export function spin(name: string): never {
  begin(name)
  for (;;);
}

/** Never comes back either, but lets others work. */
export async function wait(name: string): Promise<void> {
  begin(name)
  await once(process, 'the end of time')
}

function begin(name: string): void {
  process.title = name
  console.log(`${name} begins`)
}
