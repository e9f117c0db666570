import type { InstanceEvent } from '../instance-event.ts'

/** Wide enough for `shutting-down`. */
const stateWidth = 13

/** One line for people: when, which, what, where it is reached, and why. */
export function instanceLine(event: InstanceEvent): string {
  const { time, instanceId, instanceType, state, name, sshPort, reason } = event
  const isUp = state === 'pending' || state === 'running'
  const address = `${event.publicIp ?? event.privateIp}${sshPort === 22 ? '' : `:${sshPort}`}`
  const line = [
    clock(time),
    instanceId,
    state.padEnd(stateWidth),
    instanceType,
    isUp ? address : undefined,
    name === undefined ? undefined : `"${name}"`,
    reason === undefined ? undefined : `(${reason})`,
  ]
    .filter((cell) => cell !== undefined)
    .join('  ')
  // A name is the caller's own words, and a reason may be a machine's: neither commands a terminal.
  return line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD')
}

/** `14:03:21`, in this computer's zone. */
function clock(time: Date): string {
  return [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':')
}
