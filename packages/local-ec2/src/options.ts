/** The options of an endpoint, checked for callers without types: a typo that is ignored would be a wrong success. */
import { LocalEc2Error } from './errors.ts'
import type { Fault } from './faults/fault.ts'
import type { LocalUser } from './identity/identities.ts'
import { type MachineKind, machineKinds } from './machine/machine.ts'
import { nearest } from './nearest.ts'

export interface LocalEc2Options {
  /**
   * What instances are made of; `auto` is what the variable BENCHAWAY_MACHINE says, otherwise the best of
   * `container` and `rootless` that this computer allows.
   * @default 'auto'
   */
  machine?: MachineChoice
  /**
   * The TCP port on 127.0.0.1; 0 for any that is free.
   * @default 0
   */
  port?: number
  /**
   * What goes wrong on purpose, from the start; more by `LocalEc2.faults`.
   * @default none
   */
  faults?: readonly Fault[]
  /**
   * All that the user `local`, whose keys are `LocalEc2.credentials`, may do.
   * @default everything
   */
  policy?: NonNullable<LocalUser['policy']>
}

const names: Record<keyof LocalEc2Options, true> = {
  machine: true,
  port: true,
  faults: true,
  policy: true,
}

export type MachineChoice = MachineKind | 'auto'

/** What `machine` may be. */
export const machineChoices: readonly MachineChoice[] = ['auto', ...machineKinds]

/**
 * What a choice means here: the variable BENCHAWAY_MACHINE says what `auto` is, so that whatever runs on local machines
 * can be run on others without being changed.
 *
 * @throws {LocalEc2Error} `OPTION_INVALID` for a word that `machine` may not be either
 */
export function machineOf(
  machine: MachineChoice = 'auto',
  variable: string | undefined = process.env['BENCHAWAY_MACHINE'],
): MachineChoice {
  if (machine !== 'auto' || variable === undefined || variable === '') return machine
  const choice = machineChoices.find((kind) => kind === variable)
  if (choice !== undefined) return choice
  throw new LocalEc2Error(
    'OPTION_INVALID',
    `the variable BENCHAWAY_MACHINE must be one of ${machineChoices.join(', ')}, not ${JSON.stringify(variable)}`,
    { hint: 'Correct it, or unset it.' },
  )
}

/** @throws {LocalEc2Error} `OPTION_INVALID`; faults and policies are checked where they are read */
export function checkOptions(options: LocalEc2Options): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(names, name))
  if (unknown !== undefined) {
    const near = nearest(unknown, Object.keys(names))
    const hint =
      near === undefined ? `There are: ${Object.keys(names).join(', ')}.` : `Did you mean ${near}?`
    throw new LocalEc2Error('OPTION_INVALID', `there is no option ${unknown}`, { hint })
  }
  const { machine = 'auto', port = 0 } = options
  if (!machineChoices.includes(machine)) {
    throw wrong('machine', `one of ${machineChoices.join(', ')}`, machine)
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw wrong('port', 'a whole number from 0 to 65535', port)
  }
}

function wrong(name: string, wanted: string, value: unknown): LocalEc2Error {
  return new LocalEc2Error(
    'OPTION_INVALID',
    `option ${name} must be ${wanted}, not ${JSON.stringify(value)}`,
  )
}
