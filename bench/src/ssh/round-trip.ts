import { execFileSync } from 'node:child_process'

import type { World } from './world.ts'

/** Until the kernel at the other end has refused a connection: nothing else is in it. */
const program = `
const net = require('node:net')
const knock = () => new Promise((resolve) => {
  const started = performance.now()
  net.connect(9, process.argv[1]).on('error', () => resolve(performance.now() - started))
})
;(async () => {
  const times = []
  for (let count = 0; count < 15; count++) times.push(await knock())
  console.log(times.slice(1).sort((a, b) => a - b)[7].toFixed(1))
})()`

/** In milliseconds, the median of some. */
export function roundTripOf({ enter, target }: World): string {
  const [command, ...args] = [...enter, process.execPath, '--eval', program, target.host]
  return execFileSync(command, args, { encoding: 'utf8' }).trim()
}
