/** What is seen of the way to a machine from this computer. */
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { createInterface } from 'node:readline'

import { type Booted, type Keys, sshArguments } from './bench-kit.ts'

/** Why links can have no conditions here, to be part of a test's name; empty where they can. */
export const noLinks = ((): string => {
  try {
    closeSync(openSync('/dev/net/tun', 'r+'))
    return ''
  } catch (error) {
    return ` (skipped: ${String(error)})`
  }
})()

/** An ssh session that says what it is told. */
export interface Echo extends Disposable {
  /** In milliseconds. */
  roundTrip(): Promise<number>
}

export function openEcho(machine: Booted, keys: Keys): Echo {
  const child = spawn('ssh', [...sshArguments(machine, keys), 'cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  child.stdin.on('error', () => {})
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    async roundTrip() {
      const begin = performance.now()
      child.stdin.write(`${begin}\n`)
      const { value } = await lines.next()
      if (value !== String(begin)) throw new Error(`the session said ${value}`)
      return performance.now() - begin
    },
    [Symbol.dispose]: () => void child.kill(),
  }
}

/** The shortest of `count` round trips, to which a busy computer adds least; one that has no end counts as infinite. */
export async function shortest(
  measure: () => Promise<number | undefined>,
  count: number,
): Promise<number> {
  let least = Infinity
  for (let index = 0; index < count; index++) {
    // oxlint-disable-next-line no-await-in-loop -- side by side they would measure each other
    least = Math.min(least, (await measure()) ?? Infinity)
  }
  return least
}
