/** What is to be known about the three programs that can be a machine's process 1. */
import type { FabricPlan } from './protocol.ts'

type Meaning = 'off' | 'reboot' | 'halt'

const ofOurs: ReadonlyMap<number | null, Meaning> = new Map([
  // As init.sh says.
  [0, 'off'],
  [94, 'reboot'],
  [95, 'halt'],
])

/** What the end of the first process means, by the exit code of runc. */
export const meanings: Record<FabricPlan['init'], ReadonlyMap<number | null, Meaning>> = {
  own: ofOurs,
  'cloud-init': ofOurs,
  // reboot(2) in a pid namespace: SIGHUP to its first process for a reboot, SIGINT for a power-off and for a halt.
  systemd: new Map([
    [129, 'reboot'],
    [130, 'off'],
  ]),
}

/** The power button: init.sh's own signal, and systemd's SIGRTMIN+4. */
export const powerButton = { own: 'SIGHUP', 'cloud-init': 'SIGHUP', systemd: 38 } as const

/** The last words of a machine, where its process 1 does not say them itself. */
export const lastWords = {
  off: 'local-ec2: powered off\n',
  reboot: 'local-ec2: reboots\n',
  halt: 'local-ec2: halted\n',
} as const
