import type { Flow, OnChunk } from './receive.ts'

const newline = 0x0a
const longest = 1024

/**
 * Reads what comes up to the first `\n`, and hands on the rest.
 *
 * @param onLine what takes the rest; what it throws ends the command
 */
export function afterLine(onLine: (line: string, flow: Flow) => OnChunk): OnChunk {
  let head = Buffer.alloc(0)
  let rest: OnChunk | undefined
  return (chunk, flow) => {
    if (rest) {
      rest(chunk, flow)
      return
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf(newline)
    // No line of ours is so long: the line stays as wrong as it is.
    if (end === -1 && head.length < longest) return
    const line = head.toString('latin1', 0, end === -1 ? longest : end)
    const taker = onLine(line, flow)
    rest = taker
    const more = head.subarray(end === -1 ? head.length : end + 1)
    if (more.length > 0) taker(more, flow)
  }
}
