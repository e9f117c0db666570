#!/usr/bin/env node
/** `benchaway-local-ec2`: stdout is for the shell, or for programs; stderr is for people. */
import packageJson from '../../package.json' with { type: 'json' }
import { LocalEc2Error } from '../errors.ts'
import type { LocalEc2 } from '../server.ts'
import { type Command, readArguments, usage, UsageError } from './arguments.ts'
import { instanceLine } from './instance-line.ts'
import { readOptionFile } from './option-file.ts'
import { stopSignal } from './stop-signal.ts'

const name = 'benchaway-local-ec2'

function say(message: string): void {
  process.stderr.write(`${name}: ${message}\n`)
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const hint = error instanceof LocalEc2Error ? error.hint : undefined
  return hint === undefined ? error.message : `${error.message}\n${hint}`
}

type Start = Extract<Command, { kind: 'start' }>

/** Resolves with the exit code. */
async function run(command: Start): Promise<number> {
  // Listened to before anything boots, so that no moment is left in which Ctrl-C leaves something.
  const stopped = stopSignal((exitCode) => {
    say('not waiting: the kernel ends the machines with this process')
    process.exit(exitCode)
  })
  let ec2: LocalEc2
  let isStarting = true
  void stopped.then((signal) => {
    // What takes longer is the building of a Debian, whose half removes itself when nobody waits for it.
    const timer = setTimeout(() => {
      if (!isStarting) return
      say(`${signal}: not waiting for its start`)
      process.exit(0)
    }, 2000)
    timer.unref()
  })
  try {
    ec2 = await start(command)
  } catch (error) {
    if (error instanceof UsageError) throw error
    // Options are checked by now; what is left is the variable that stands for one.
    if (error instanceof LocalEc2Error && error.code === 'OPTION_INVALID') {
      throw new UsageError(reasonOf(error), { cause: error })
    }
    say(reasonOf(error))
    return 1
  } finally {
    isStarting = false
  }
  // Whoever has taken it back meanwhile is not promised anything more.
  const early = await Promise.race([stopped, Promise.resolve()])
  if (early === undefined) announce(ec2, command)
  const signal = early ?? (await stopped)
  if (!command.json) say(`${signal}: powering off`)
  try {
    await ec2.close()
    return 0
  } catch (error) {
    say(`clean-up failed: ${reasonOf(error)}`)
    return 1
  }
}

function announce(ec2: LocalEc2, { json }: Start): void {
  const { endpoint, region, credentials, machine, isolation } = ec2
  ec2.onInstance((event) => {
    if (json) print({ type: 'instance', ...event })
    else process.stderr.write(`${instanceLine(event)}\n`)
  })
  if (json) {
    print({ type: 'ready', endpoint, region, credentials, machine, isolation })
    return
  }
  process.stdout.write(environment(ec2))
  say(`machines: ${machine} (${isolation})`)
  say('Ctrl-C powers all instances off and ends')
}

/** @throws {UsageError} before anything is started */
async function start({ options, faults, policy }: Start): Promise<LocalEc2> {
  // Not before it is wanted: --help should not wait for it.
  const { startLocalEc2 } = await import('../server.ts')
  if (faults !== undefined) {
    const { readFaults } = await import('../faults/read.ts')
    options.faults = readOptionFile('--faults', faults, readFaults)
  }
  if (policy !== undefined) {
    const { readPolicy } = await import('../policy/read.ts')
    options.policy = readOptionFile('--policy', policy, readPolicy)
  }
  return startLocalEc2(options)
}

function environment({ endpoint, region, credentials }: LocalEc2): string {
  return Object.entries({
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    // Which of the two is read differs between clients.
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  })
    .map(([variable, value]) => `export ${variable}=${value}\n`)
    .join('')
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

// Whoever reads may stop reading: the endpoint goes on for those who use it.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

try {
  const command = readArguments(process.argv.slice(2))
  if (command.kind === 'help') process.stdout.write(usage)
  else if (command.kind === 'version') process.stdout.write(`${packageJson.version}\n`)
  else process.exitCode = await run(command)
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  say(`${error.message}\nTry '${name} --help'.`)
  process.exitCode = 2
}
