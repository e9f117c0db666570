import { parseArgs } from 'node:util'

import type { LocalEc2Options } from '../server.ts'

/** What the command line asks for, or what is wrong with it. */
export type Command =
  | { kind: 'start'; options: LocalEc2Options }
  | { kind: 'help' }
  | { kind: 'version' }
  | { kind: 'wrong'; message: string }

const machines = ['auto', 'container', 'rootless', 'none'] as const

export const usage: string = `Usage: benchaway-local-ec2 [options]

Starts an EC2 and STS endpoint on 127.0.0.1 whose instances boot on this computer.
Prints the environment for AWS clients, one "export NAME=value" a line, and runs
until Ctrl-C, which powers every instance off.

Options:
  --port <number>    TCP port; 0 for any that is free (default: 0)
  --machine <kind>   what instances are made of: ${machines.join(', ')} (default: auto)
  --help             print this and exit
  --version          print the version and exit
`

export function readArguments(words: readonly string[]): Command {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        port: { type: 'string' },
        machine: { type: 'string' },
        help: { type: 'boolean' },
        version: { type: 'boolean' },
      },
    })
    if (values.help) return { kind: 'help' }
    if (values.version) return { kind: 'version' }
    return {
      kind: 'start',
      options: {
        ...(values.port !== undefined && { port: readPort(values.port) }),
        ...(values.machine !== undefined && { machine: readMachine(values.machine) }),
      },
    }
  } catch (error) {
    return { kind: 'wrong', message: error instanceof Error ? error.message : String(error) }
  }
}

function readPort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new Error(`--port must be a number from 0 to 65535, not '${text}'`)
}

function readMachine(text: string): (typeof machines)[number] {
  const machine = machines.find((kind) => kind === text)
  if (machine !== undefined) return machine
  throw new Error(`--machine must be one of ${machines.join(', ')}, not '${text}'`)
}
