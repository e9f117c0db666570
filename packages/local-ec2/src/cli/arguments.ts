import { parseArgs } from 'node:util'

import { type LocalEc2Options, machineChoices } from '../options.ts'

/** What the command line asks for. */
export type Command =
  | {
      kind: 'start'
      options: LocalEc2Options
      /** Paths as they were written. */
      faults: string | undefined
      policy: string | undefined
      json: boolean
    }
  | { kind: 'help' }
  | { kind: 'version' }

/** The command line, or a file that it names, is not as it has to be. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const usage: string = `Usage: benchaway-local-ec2 [options]

Starts an EC2 and STS endpoint on 127.0.0.1 whose instances boot on this computer.
Prints the environment for AWS clients, one "export NAME=value" a line, says on stderr
what becomes of each instance, and runs until Ctrl-C, which powers all of them off.

Options:
  --port <number>    TCP port; 0 for any that is free (default: 0)
  --machine <kind>   what instances are made of: ${machineChoices.join(', ')}
                     (default: auto, which is what the variable BENCHAWAY_MACHINE says,
                     otherwise the best of container and rootless)
  --faults <file>    what goes wrong on purpose, as JSON
  --policy <file>    what the credentials may do: an IAM policy document, or a list of
                     them (default: everything)
  --json             print one JSON object a line on stdout instead: the endpoint first,
                     then what becomes of each instance
  -h, --help         print this and exit
  -v, --version      print the version and exit

Exit code: 0 after Ctrl-C or SIGTERM, 1 when the endpoint could not start or not end
cleanly, 2 for a wrong option, variable or file. A second Ctrl-C does not wait for
machines to end: the kernel ends them (130, 143 after SIGTERM).
`

/** @throws {UsageError} */
export function readArguments(words: readonly string[]): Command {
  const { port, machine, faults, policy, json = false, help, version } = parse(words)
  if (help) return { kind: 'help' }
  if (version) return { kind: 'version' }
  const options = {
    ...(port !== undefined && { port: readPort(port) }),
    ...(machine !== undefined && { machine: readMachine(machine) }),
  }
  return { kind: 'start', options, faults, policy, json }
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        port: { type: 'string' },
        machine: { type: 'string' },
        faults: { type: 'string' },
        policy: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function readPort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new UsageError(`--port must be a number from 0 to 65535, not '${text}'`)
}

function readMachine(text: string): (typeof machineChoices)[number] {
  const machine = machineChoices.find((kind) => kind === text)
  if (machine !== undefined) return machine
  throw new UsageError(`--machine must be one of ${machineChoices.join(', ')}, not '${text}'`)
}
