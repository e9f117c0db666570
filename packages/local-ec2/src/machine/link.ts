import { closeSync, openSync } from 'node:fs'

import { LocalEc2Error } from '../errors.ts'
import type { LinkConditions } from './machine.ts'
import { needPrograms } from './probe.ts'

export function areAny({ roundTripMs = 0, lossRate = 0, cut }: LinkConditions): boolean {
  return roundTripMs > 0 || lossRate > 0 || cut !== undefined
}

/**
 * What the program needs that a link with conditions leads through.
 *
 * @throws {LocalEc2Error} `MACHINE_UNAVAILABLE`
 */
export function needRelay(): void {
  needPrograms(['python3'])
  const device = '/dev/net/tun'
  try {
    // Whether it can be opened nobody knows but the kernel: it may be there and forbidden, also to root.
    closeSync(openSync(device, 'r+'))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new LocalEc2Error('MACHINE_UNAVAILABLE', `a link cannot have conditions: ${why}`, {
      hint:
        process.getuid?.() === 0
          ? `Run: modprobe tun. In a container: start it with --device ${device}.`
          : `Run: sudo modprobe tun && sudo chmod 666 ${device}, or start this as root.`,
      cause,
    })
  }
}
