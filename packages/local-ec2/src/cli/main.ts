#!/usr/bin/env node
/** `benchaway-local-ec2`: stdout is for the shell, stderr for people. */
import packageJson from '../../package.json' with { type: 'json' }
import { LocalEc2Error } from '../errors.ts'
import type { LocalEc2, LocalEc2Options } from '../server.ts'
import { readArguments, usage } from './arguments.ts'

const name = 'benchaway-local-ec2'

function say(message: string): void {
  process.stderr.write(`${name}: ${message}\n`)
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const hint = error instanceof LocalEc2Error ? error.hint : undefined
  return hint === undefined ? error.message : `${error.message}\n${hint}`
}

/** Resolves with the exit code. */
async function run(options: LocalEc2Options): Promise<number> {
  // Listened to before anything boots, so that no moment is left in which Ctrl-C leaves something.
  const stopped = stopSignal()
  let ec2: LocalEc2
  try {
    // Not before it is wanted: with it comes the SDK, and --help should not wait for that.
    const { startLocalEc2 } = await import('../server.ts')
    ec2 = await startLocalEc2(options)
  } catch (error) {
    say(reasonOf(error))
    return 1
  }
  const { endpoint, region, credentials, machine, isolation } = ec2
  process.stdout.write(
    [
      `export AWS_ENDPOINT_URL=${endpoint}`,
      `export AWS_REGION=${region}`,
      `export AWS_ACCESS_KEY_ID=${credentials.accessKeyId}`,
      `export AWS_SECRET_ACCESS_KEY=${credentials.secretAccessKey}`,
      '',
    ].join('\n'),
  )
  say(`machines: ${machine} (${isolation})`)
  say('Ctrl-C powers all instances off and ends')
  say(`${await stopped}: powering off`)
  try {
    await ec2.close()
    return 0
  } catch (error) {
    say(`clean-up failed: ${reasonOf(error)}`)
    return 1
  }
}

/** A second Ctrl-C finds the handler still there: cutting the clean-up short would leave machines. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, resolve)
  })
}

const command = readArguments(process.argv.slice(2))
if (command.kind === 'help') process.stdout.write(usage)
else if (command.kind === 'version') process.stdout.write(`${packageJson.version}\n`)
else if (command.kind === 'wrong') {
  say(`${command.message}\nTry '${name} --help'.`)
  process.exitCode = 2
} else {
  process.exitCode = await run(command.options)
}
